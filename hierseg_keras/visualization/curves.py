"""Curves of a training run: mIoU by level and loss by depth, over epochs."""

import csv
import pathlib
import re

from matplotlib.figure import Figure


def draw_curves(log, path=None):
    """Draws a run's log as mIoU by level and loss by depth, training dashed and validation solid.

    Args:
        log: CSV file as `keras.callbacks.CSVLogger` writes it, with columns such as `miou_1` and
            `depth_loss_1`, and the same with `val_`.
        path: Optional file to which the picture is saved.

    Returns:
        `matplotlib.figure.Figure`.

    Reference:
        Figures 4 and 5 of [Muller & Smith, VISAPP 2020](https://doi.org/10.5220/0008946002600267).
    """
    with pathlib.Path(log).open(newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise ValueError(f"`draw_curves` expects a log with at least one epoch. Received: {log}, which has none.")
    figure = Figure(figsize=(10, 4), dpi=110, layout="constrained")
    axes = figure.subplots(1, 2)
    for axis, name, unit, title in (
        (axes[0], "miou", "level", "mIoU by level (1 is the finest)"),
        (axes[1], "depth_loss", "depth", "loss by depth, nats (1 is the coarsest)"),
    ):
        _draw(axis, rows, name, unit)
        axis.set(title=title, xlabel="epoch")
        axis.grid(alpha=0.3)
    if path is not None:
        figure.savefig(path)
    return figure


def _draw(axis, rows, name, unit):
    epochs = [int(row["epoch"]) + 1 for row in rows]
    numbers = sorted(int(match[1]) for key in rows[0] if (match := re.fullmatch(rf"{name}_(\d+)", key)))
    for number in numbers:
        for prefix, style in (("", "--"), ("val_", "-")):
            column = f"{prefix}{name}_{number}"
            if column in rows[0]:
                label = f"{prefix.replace('_', 'idation ') or 'training '}{unit} {number}"
                values = [float(row[column]) for row in rows]
                # One epoch alone makes no line.
                marker = "." if len(rows) < 3 else ""
                axis.plot(epochs, values, style, color=f"C{number - 1}", label=label, marker=marker)
    if numbers:
        axis.legend(fontsize=8)
