"""Pictures of class trees."""

import os

import numpy as np
from matplotlib.figure import Figure

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.visualization.colors import node_colors
from hierseg_keras.visualization.names import total_height, widest, wrapped
from hierseg_keras.visualization.picture import Picture

# Lengths in inches, and the font size in points.
_ROW_HEIGHT, _LINE_HEIGHT, _STEP, _GAP, _MARGIN = 0.21, 0.14, 0.45, 0.13, 0.3
_FONT_SIZE, _WIDEST_NAME = 8, 7.0


def draw_tree(tree: ClassTree | str, path: str | os.PathLike | None = None) -> Figure:
    """Draws a class tree as an indented outline, in the colors of `node_colors`.

    Args:
        tree: `ClassTree`, or its text.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.

    Returns:
        `matplotlib.figure.Figure`.

    Example:

    >>> figure = hs.visualization.draw_tree(hs.ClassTree.load("camvid"), "camvid.png")
    """
    tree = as_class_tree(tree)
    colors = node_colors(tree) / 255.0
    names = [wrapped(tree.names[node], _FONT_SIZE, _WIDEST_NAME) for node in tree.preorder]
    heights = [total_height([name], _ROW_HEIGHT, _LINE_HEIGHT) for name in names]
    y = dict(zip(tree.preorder.tolist(), _ROW_HEIGHT / 2 + np.cumsum(heights) - np.divide(heights, 2)))
    ends = [_STEP * tree.depths[node] + widest([name], _FONT_SIZE) for node, name in zip(tree.preorder, names)]
    figure = Picture(max(ends) + _GAP + _MARGIN, sum(heights) + _ROW_HEIGHT, layout=None)
    # The coordinates of the axes are inches, and y points downward.
    width, height = figure.get_size_inches()
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axis.set_axis_off()
    for node, name in zip(tree.preorder.tolist(), names):
        x, parent = _STEP * tree.depths[node], tree.parent(node)
        if parent >= 0:
            axis.plot([x - _STEP, x - _STEP, x], [y[parent], y[node], y[node]], color="0.75", linewidth=1, zorder=1)
        axis.plot(x, y[node], "o", color=colors[node], markersize=7, zorder=2)
        axis.text(x + _GAP, y[node], name, va="center", fontsize=_FONT_SIZE)
    return figure.saved(path)
