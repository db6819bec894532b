"""Pictures of the IoU of every class, level by level."""

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.visualization.colors import node_colors
from hierseg_keras.visualization.columns import lowest_columns
from hierseg_keras.visualization.inputs import check_keys
from hierseg_keras.visualization.names import total_height, widest, wrapped
from hierseg_keras.visualization.palettes import Palette
from hierseg_keras.visualization.picture import Picture

# Lengths in inches, and the font size in points.
_BAR_HEIGHT, _LINE_HEIGHT, _BARS_WIDTH, _WIDEST_NAME, _FONT_SIZE = 0.23, 0.14, 3.4, 1.8, 8
_TITLE_HEIGHT, _AXIS_HEIGHT, _GAP, _BETWEEN, _MARGIN, _TALLEST = 0.28, 0.28, 0.06, 0.2, 0.08, 8.0
_MOST_STRETCHED = 1.6


def draw_report(
    tree: ClassTree | str,
    rows: Sequence[Mapping[str, Any]],
    path: str | os.PathLike | None = None,
    palette: Palette = None,
) -> Figure:
    """Draws the IoU of every class as a bar, one panel per level, with the largest IoU at the top.

    A level with many classes has several panels.

    Args:
        tree: `ClassTree`, or its text.
        rows: List of dicts with the keys `level`, `class` (a path of the tree) and `iou`, as returned
            by `metrics.TreeReport.rows`. A class whose IoU is NaN, because it neither occurs nor is
            predicted, has no bar.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.
        palette: Colors of the nodes, as in `node_colors`. Defaults to the official palette of the
            tree's data set, or otherwise the generated one.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If a row lacks `level`, `class` or `iou`, or `palette` is invalid for `node_colors`.
        TreeError: If a class is not in the tree.

    Example:

    >>> report = hs.metrics.TreeReport(tree)
    >>> figure = hs.visualization.draw_report(tree, report.rows(), "report.png")
    """
    tree = as_class_tree(tree)
    for row in rows:
        check_keys("draw_report", row, ("level", "class", "iou"))
    colors = node_colors(tree, palette) / 255.0
    panels = [panel for level in range(1, tree.num_levels + 1) for panel in _panels(tree, rows, level)]
    heights = [_TITLE_HEIGHT + panel.height + _AXIS_HEIGHT for panel in panels]
    number = math.ceil(sum(heights) / _TALLEST)
    columns = lowest_columns(heights, list(range(len(panels))), lambda found: len(found) <= number)
    name_widths = [max(panels[i].name_width for i in column) for column in columns]
    width = sum(name_widths) + len(columns) * (_GAP + _BARS_WIDTH + _BETWEEN) - _BETWEEN + 2 * _MARGIN
    tallest = max(sum(heights[i] for i in column) for column in columns)
    figure, left = Picture(width, tallest + 2 * _MARGIN, layout=None), _MARGIN
    for column, name_width in zip(columns, name_widths):
        left, top = left + name_width + _GAP, _MARGIN
        # Bars of lower columns are thicker, so that columns end at about the same height.
        room = tallest - sum(heights[i] for i in column)
        stretch = min(_MOST_STRETCHED, 1 + room / sum(panels[i].height for i in column))
        for i in column:
            axis = figure.place(left, top + _TITLE_HEIGHT, _BARS_WIDTH, stretch * panels[i].height)
            _draw_panel(axis, panels[i], colors)
            top += heights[i] + (stretch - 1) * panels[i].height
        left += _BARS_WIDTH + _BETWEEN
    return figure.saved(path)


@dataclasses.dataclass
class _Panel:
    """Bars of one level: all, or as many as fit into a column."""

    title: str
    nodes: list
    ious: list
    names: list

    @property
    def heights(self):
        return [total_height([name], _BAR_HEIGHT, _LINE_HEIGHT) for name in self.names]

    @property
    def height(self):
        return sum(self.heights, start=_BAR_HEIGHT / 2)

    @property
    def name_width(self):
        return widest(self.names, _FONT_SIZE) if self.names else 0


def _panels(tree, rows, level):
    """Returns the panels of one level, with the largest IoU first."""
    rows = sorted((row for row in rows if row["level"] == level), key=lambda row: -np.nan_to_num(row["iou"], nan=-1))
    known = [row["iou"] for row in rows if not np.isnan(row["iou"])]
    title = f"level {level}: " + (f"mIoU {np.mean(known):.3f}" if known else "no pixels")
    number = max(1, math.ceil(len(rows) * _BAR_HEIGHT / (_TALLEST - _TITLE_HEIGHT - _AXIS_HEIGHT)))
    panels = []
    for part in np.array_split(np.array(rows, dtype=object), number):
        nodes = [tree.index(row["class"]) for row in part]
        names = [wrapped(tree.names[node], _FONT_SIZE, _WIDEST_NAME) for node in nodes]
        panels.append(_Panel(title, nodes, [row["iou"] for row in part], names))
        title = f"level {level}, continued"
    return panels


def _draw_panel(axis, panel, colors):
    # The vertical axis is in inches, so that bars have equal heights although names differ in their number of lines.
    places = _BAR_HEIGHT / 4 + np.cumsum(panel.heights) - np.divide(panel.heights, 2)
    # The edge shows white bars.
    style = {"color": colors[panel.nodes], "edgecolor": "0.6", "linewidth": 0.4}
    axis.barh(places, np.nan_to_num(panel.ious), height=0.75 * _BAR_HEIGHT, **style)
    axis.set_yticks(places, panel.names, fontsize=_FONT_SIZE)
    for place, iou in zip(places, panel.ious):
        text = "absent" if np.isnan(iou) else f"{iou:.2f}"
        axis.text(np.nan_to_num(iou) + 0.015, place, text, va="center", fontsize=_FONT_SIZE - 1)
    axis.set(xlim=(0, 1.12), ylim=(panel.height, 0), xticks=[0, 0.25, 0.5, 0.75, 1], facecolor="0.96")
    axis.set_title(panel.title, fontsize=_FONT_SIZE + 1, loc="left", pad=4)
    axis.tick_params(axis="x", labelsize=_FONT_SIZE - 1, length=2, pad=2)
    axis.tick_params(axis="y", length=0, pad=3)
    axis.grid(axis="x", color="white", linewidth=1)
    axis.set_axisbelow(True)
    for spine in axis.spines.values():
        spine.set_visible(False)
