"""Pictures of training curves: mIoU by level and loss by depth, over epochs."""

import csv
import math
import os
import pathlib
import re

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from hierseg_keras.visualization.inputs import check_keys
from hierseg_keras.visualization.picture import Picture

_MIOU, _LOSS = "miou", "depth_loss"
# Name, prefix of columns, and style of the line.
_PARTS = (("training", "", "--"), ("validation", "val_", "-"))
_MOST_COLUMNS = 6


def draw_curves(log: str | os.PathLike, path: str | os.PathLike | None = None) -> Figure:
    """Draws the mIoU of each level and the loss of each depth over the epochs of a run.

    A level has the same color in both panels. Training curves are dashed, and validation curves are solid.

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
    numbers = {name: _numbers(rows[0], name) for name in (_MIOU, _LOSS)}
    num_levels = max([0, *numbers[_MIOU], *numbers[_LOSS]])
    figure = Picture(10, 4)
    axes = figure.subplots(1, 2)
    axes[0].set(title="mIoU by level (level 1 is the finest)", ylabel="mIoU")
    axes[1].set(title="loss by depth (depth 1 is the coarsest)", ylabel="loss in nats")
    for axis, name, unit in ((axes[0], _MIOU, "level"), (axes[1], _LOSS, "depth")):
        for number in numbers[name]:
            # Level l is depth D - l + 1, and has the same color in both panels.
            level = number if unit == "level" else num_levels - number + 1
            _draw(axis, rows, f"{name}_{number}", f"{unit} {number}", f"C{level - 1}")
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
    handles = [
        Line2D([], [], color=f"C{level - 1}", linewidth=3, label=f"level {level} (depth {num_levels - level + 1})")
        for level in range(1, num_levels + 1)
    ]
    handles += [Line2D([], [], color="0.3", linestyle=style, label=part) for part, _, style in _PARTS]
    columns = min(len(handles), _MOST_COLUMNS)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=9, frameon=False)
    return figure.saved(path)


def _numbers(row, name):
    """Returns the numbers of a metric's columns in ascending order."""
    columns = [re.fullmatch(rf"(?:val_)?{name}_(\d+)", key or "") for key in row]
    return sorted({int(column[1]) for column in columns if column})


def _draw(axis, rows, metric, title, color):
    epochs = [_number(row["epoch"]) + 1 for row in rows]
    for part, prefix, style in _PARTS:
        if f"{prefix}{metric}" in rows[0]:
            values = [_number(row[f"{prefix}{metric}"]) for row in rows]
            # A line needs two successive values; dots also show single ones.
            marker = "." if sum(map(math.isfinite, values)) < 3 else ""
            axis.plot(epochs, values, style, color=color, label=f"{part} {title}", marker=marker)


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan
