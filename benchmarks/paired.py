"""Tables of paired differences to a baseline, with intervals."""

import statistics

from hierseg_keras.cli.paired_difference import mean_and_half_width


def paired_table(rows, key, baseline, figures):
    """Returns a text table of each figure's mean per name, and of its paired difference to the baseline.

    Args:
        rows: List of dicts with a `seed`.
        key: Name of the column that tells the rows of a table apart.
        baseline: The name in that column that others are compared with, by seed.
        figures: Names of the columns with figures.
    """
    names = list(dict.fromkeys(row[key] for row in rows))
    lines = [f"{key:24s}{'seeds':>6s}" + "".join(f"{figure:>30s}" for figure in figures)]
    for name in names:
        own = {row["seed"]: row for row in rows if row[key] == name}
        base = {row["seed"]: row for row in rows if row[key] == baseline}
        cells = []
        for figure in figures:
            mean = statistics.mean(float(row[figure]) for row in own.values())
            pairs = [float(own[seed][figure]) - float(base[seed][figure]) for seed in own if seed in base]
            cells.append(f"{mean:.3f}" + (f"  {interval(pairs)}" if name != baseline and len(pairs) > 1 else ""))
        lines.append(f"{name:24s}{len(own):6d}" + "".join(f"{cell:>30s}" for cell in cells))
    return "\n".join(lines)


def interval(differences):
    """Returns the mean of paired differences and half the width of its 95 % interval of Student's t, as text."""
    mean, half = mean_and_half_width(differences)
    return f"{mean:+.3f} +- {half:.3f}"
