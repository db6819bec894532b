"""Rows of figures that a benchmark appends to a CSV as it makes them, so that it can be stopped and resumed."""

import csv
import statistics
import time

import filelock
import keras


def read(path, setting):
    """The rows whose columns hold what `setting`, a dict of strings, says."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if all(row[name] == value for name, value in setting.items())]


def append_measured(path, row, measured, start):
    """Appends a row per split that a network was measured on.

    Args:
        path: `pathlib.Path` of the CSV.
        row: Dict of the columns that the splits share.
        measured: Dict from the name of a split to a dict of floats.
        start: Time at which the row was begun, as of `time.time`.
    """
    how = {"minutes": f"{(time.time() - start) / 60:.1f}", "backend": keras.backend.backend()}
    for split, values in measured.items():
        columns = {**row, "split": split, **{name: f"{value:.4f}" for name, value in values.items()}, **how}
        append(path, list(columns), columns)


def append(path, columns, row):
    """Appends a row. Several processes may append to one file."""
    with filelock.FileLock(path.with_name(f"{path.name}.lock")):
        is_new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            if is_new:
                writer.writeheader()
            writer.writerow(row)


def table(rows, key, names, metrics):
    """Mean and deviation of each figure over the rows of each name, as text."""
    metrics = [metric for metric in metrics if any(row[metric] for row in rows)]
    width = max(map(len, names)) + 2
    lines = [f"{key:{width}s}{'seeds':>6s}" + "".join(f"{metric:>18s}" for metric in metrics)]
    for name in names:
        matching = [row for row in rows if row[key] == name]
        cells = [_spread([float(row[metric]) for row in matching]) for metric in metrics]
        lines.append(f"{name:{width}s}{len(matching):6d}" + "".join(f"{cell:>18s}" for cell in cells))
    return "\n".join(lines)


def _spread(values):
    if len(values) < 2:
        return f"{values[0]:.3f}" if values else "-"
    return f"{statistics.mean(values):.3f} +- {statistics.stdev(values):.3f}"
