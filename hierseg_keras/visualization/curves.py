"""Pictures of training curves: mIoU by level and loss by depth, over epochs."""

import csv
import math
import os
import pathlib
import re

from matplotlib.figure import Figure

from hierseg_keras.visualization.inputs import check_keys
from hierseg_keras.visualization.picture import Picture


def draw_curves(log: str | os.PathLike, path: str | os.PathLike | None = None) -> Figure:
    """Draws the mIoU of each level and the loss of each depth over the epochs of a run.

    Training curves are dashed, and validation curves are solid.

    Args:
        log: CSV file written by `keras.callbacks.CSVLogger`, with columns such as `miou_1`,
            `depth_loss_1`, `val_miou_1` and `val_depth_loss_1`. Cells that hold no number, such as the
            `NA` of an epoch without validation, are skipped.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the log has no epoch, or no column `epoch`.

    Reference:
        Figures 4 and 5 of [Muller & Smith, VISAPP 2020](https://doi.org/10.5220/0008946002600267).
    """
    with pathlib.Path(log).open(newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise ValueError(f"`draw_curves` expects a log with at least one epoch. Received: {log}, which has none.")
    check_keys("draw_curves", rows[0], ("epoch",))
    figure = Picture(10, 4)
    axes = figure.subplots(1, 2)
    for axis, name, unit, title in (
        (axes[0], "miou", "level", "mIoU by level (1 is the finest)"),
        (axes[1], "depth_loss", "depth", "loss by depth, nats (1 is the coarsest)"),
    ):
        _draw(axis, rows, name, unit)
        axis.set(title=title, xlabel="epoch")
        axis.grid(alpha=0.3)
    return figure.saved(path)


def _draw(axis, rows, name, unit):
    epochs = [_number(row["epoch"]) + 1 for row in rows]
    numbers = sorted(int(match[1]) for key in rows[0] if (match := re.fullmatch(rf"{name}_(\d+)", key or "")))
    for number in numbers:
        for prefix, style in (("", "--"), ("val_", "-")):
            column = f"{prefix}{name}_{number}"
            if column in rows[0]:
                label = f"{prefix.replace('_', 'idation ') or 'training '}{unit} {number}"
                values = [_number(row[column]) for row in rows]
                # A line needs two successive values; dots also show single ones.
                marker = "." if sum(map(math.isfinite, values)) < 3 else ""
                axis.plot(epochs, values, style, color=f"C{number - 1}", label=label, marker=marker)
    if numbers:
        axis.legend(fontsize=8)


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan
