"""Pictures of the IoU of every class, level by level."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.visualization.colors import node_colors
from hierseg_keras.visualization.inputs import check_keys
from hierseg_keras.visualization.names import total_height, widest, wrapped
from hierseg_keras.visualization.picture import Picture

# Lengths in inches, and the font size in points.
_BAR_HEIGHT, _LINE_HEIGHT, _BARS_WIDTH, _WIDEST_NAME, _FONT_SIZE = 0.24, 0.14, 3.2, 3.2, 8


def draw_report(
    tree: ClassTree | str, rows: Sequence[Mapping[str, Any]], path: str | os.PathLike | None = None
) -> Figure:
    """Draws the IoU of every class as a bar, one panel per level, with the largest IoU at the top.

    Args:
        tree: `ClassTree`, or its text.
        rows: List of dicts with the keys `level`, `class` (a path of the tree) and `iou`, as returned
            by `metrics.TreeReport.rows`. A class whose IoU is NaN, because it neither occurs nor is
            predicted, has no bar.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If a row lacks `level`, `class` or `iou`.
        TreeError: If a class is not in the tree.

    Example:

    >>> report = hs.metrics.TreeReport(tree)
    >>> figure = hs.visualization.draw_report(tree, report.rows(), "report.png")
    """
    tree = as_class_tree(tree)
    for row in rows:
        check_keys("draw_report", row, ("level", "class", "iou"))
    panels = [[row for row in rows if row["level"] == level] for level in range(1, tree.num_levels + 1)]
    panels = [sorted(panel, key=lambda row: np.nan_to_num(row["iou"], nan=-1)) for panel in panels]
    names = [[_name(tree, row) for row in panel] for panel in panels]
    widths = [_BARS_WIDTH + (widest(panel_names, _FONT_SIZE) if panel_names else 0) for panel_names in names]
    height = max(total_height(panel_names, _BAR_HEIGHT, _LINE_HEIGHT) for panel_names in names)
    figure = Picture(sum(widths), 0.9 + height)
    axes = figure.subplots(1, tree.num_levels, squeeze=False, width_ratios=widths)[0]
    for level, (axis, panel, panel_names) in enumerate(zip(axes, panels, names), start=1):
        _draw_panel(tree, axis, level, panel, panel_names)
    return figure.saved(path)


def _name(tree, row):
    return wrapped(tree.names[tree.index(row["class"])], _FONT_SIZE, _WIDEST_NAME)


def _draw_panel(tree, axis, level, panel, names):
    colors = (node_colors(tree) / 255.0)[[tree.index(row["class"]) for row in panel]]
    # The vertical axis is in inches, so that bars have equal heights although names differ in their number of lines.
    heights = np.array([total_height([name], _BAR_HEIGHT, _LINE_HEIGHT) for name in names])
    places = np.cumsum(heights) - heights / 2
    axis.barh(places, [np.nan_to_num(row["iou"]) for row in panel], height=0.8 * _BAR_HEIGHT, color=colors)
    axis.set_yticks(places, names, fontsize=_FONT_SIZE)
    for place, row in zip(places, panel):
        text = "absent" if np.isnan(row["iou"]) else f"{row['iou']:.2f}"
        axis.text(np.nan_to_num(row["iou"]) + 0.01, place, text, va="center", fontsize=_FONT_SIZE - 1)
    known = [row["iou"] for row in panel if not np.isnan(row["iou"])]
    mean = f"mIoU {np.mean(known):.3f}" if known else "no pixels"
    axis.set(xlim=(0, 1.12), xlabel="IoU", title=f"level {level}: {mean}")
