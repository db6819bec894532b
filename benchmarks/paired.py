"""Tables of paired differences to a baseline, with intervals, in Markdown."""

import statistics

from hierseg_keras.cli.paired_difference import mean_and_half_width

_TITLES = {
    "miou": "mIoU, level {}",
    "accuracy": "accuracy, level {}",
    "mistake_severity": "mistake severity",
    "hierarchical_f": "hierarchical F",
    "calibration_error": "calibration error",
    "confidence_area": "area under the confidence curve",
    "iou": "IoU of {}",
}


def paired_table(rows, key, baseline):
    """Returns a table of every figure: its mean per name, and in brackets its mean paired difference to the baseline.

    Differences are paired by seed, and have their 95 % interval. Those beyond it are bold.

    Args:
        rows: List of dicts of one split, with a `seed` and the figures of `fit_and_measure.measure`.
        key: Name of the column that tells the names apart.
        baseline: The name in that column that others are compared with.
    """
    of_name = {baseline: {}}
    for row in rows:
        of_name.setdefault(row[key], {})[row["seed"]] = row
    of_name = {name: own for name, own in of_name.items() if own}
    lines = [("", *of_name), ("---",) * (len(of_name) + 1), ("seeds", *(str(len(own)) for own in of_name.values()))]
    for figure, title in figures_of(rows).items():
        cells = (_cell(own, of_name.get(baseline, {}), figure) for own in of_name.values())
        lines.append((title, *cells))
    return "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines)


def figures_of(rows):
    """Returns a dict from the names of the columns with figures to their titles."""
    found = {}
    for column in dict.fromkeys(column for row in rows for column in row):
        name, _, of = column.partition("_")
        title = _TITLES.get(column) or _TITLES.get(name, "").format(of)
        if title and of != "mean":
            found[column] = title
    return found


def _cell(own, compared, figure):
    """Returns the mean of a figure and its difference to the seeds it can be compared with, as text."""
    mean = f"{statistics.mean(float(row[figure]) for row in own.values()):.3f}"
    pairs = [float(own[seed][figure]) - float(compared[seed][figure]) for seed in own if seed in compared]
    return f"{mean} ({_interval(pairs)})" if own is not compared and len(pairs) > 1 else mean


def _interval(differences):
    mean, half = mean_and_half_width(differences)
    text = f"{mean:+.3f} +- {half:.3f}"
    return f"**{text}**" if abs(mean) > half else text
