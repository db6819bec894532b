"""Pictures of class trees."""

import math
import os

from matplotlib.figure import Figure

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.visualization.colors import node_colors
from hierseg_keras.visualization.columns import lowest_columns
from hierseg_keras.visualization.names import total_height, widest, wrapped
from hierseg_keras.visualization.palettes import Palette
from hierseg_keras.visualization.picture import Picture

# Lengths in inches, and the font size in points.
_ROW_HEIGHT, _LINE_HEIGHT, _STEP, _GAP, _MARGIN, _BETWEEN = 0.21, 0.14, 0.3, 0.13, 0.2, 0.35
_FONT_SIZE, _WIDEST_NAME, _TALLEST = 8, 7.0, 9.0


def draw_tree(tree: ClassTree | str, path: str | os.PathLike | None = None, palette: Palette = None) -> Figure:
    """Draws a class tree as an indented outline, in several columns if it is long.

    Args:
        tree: `ClassTree`, or its text.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.
        palette: Colors of the nodes, as in `node_colors`. Defaults to the official palette of the
            tree's data set, or otherwise the generated one.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `palette` is invalid for `node_colors`.

    Example:

    >>> figure = hs.visualization.draw_tree(hs.ClassTree.load("camvid"), "camvid.png")
    """
    tree = as_class_tree(tree)
    colors, nodes = node_colors(tree, palette) / 255.0, tree.preorder.tolist()
    names = [wrapped(tree.names[node], _FONT_SIZE, _WIDEST_NAME) for node in nodes]
    heights = [total_height([name], _ROW_HEIGHT, _LINE_HEIGHT) for name in names]
    widths = [_STEP * (tree.depths[node] - 1) + _GAP + widest([name], _FONT_SIZE) for node, name in zip(nodes, names)]
    number = math.ceil(sum(heights) / _TALLEST)
    columns = lowest_columns(heights, tree.depth_table[0, nodes].tolist(), lambda found: len(found) <= number)
    column_widths = [max(widths[row] for row in column) + _BETWEEN for column in columns]
    tallest = max(sum(heights[row] for row in column) for column in columns)
    figure = Picture(sum(column_widths) - _BETWEEN + 2 * _MARGIN, tallest + 2 * _MARGIN, layout=None)
    left = _MARGIN
    for column, width in zip(columns, column_widths):
        y = {}
        for row in column:
            node, parent = nodes[row], tree.parent(nodes[row])
            x, top = left + _STEP * (tree.depths[node] - 1), max(y.values(), default=_MARGIN - heights[row] / 2)
            y[node] = top + (heights[row - 1] / 2 if y else heights[row] / 2) + heights[row] / 2
            if parent >= 0:
                # A parent in an earlier column is above this one.
                above = y.get(parent, _MARGIN)
                line = [x - _STEP, x - _STEP, x], [above, y[node], y[node]]
                figure.page.plot(*line, color="0.75", linewidth=1, zorder=1)
            # The edge shows white dots.
            style = {"color": colors[node], "markersize": 8, "markeredgecolor": "0.6", "markeredgewidth": 0.5}
            figure.page.plot(x, y[node], "o", zorder=2, **style)
            figure.write(x + _GAP, y[node], names[row], _FONT_SIZE)
        left += width
    return figure.saved(path)
