"""Pictures of an image with its label maps at every level."""

import os
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.visualization.colors import UNLABELED, color_labels, node_colors
from hierseg_keras.visualization.inputs import as_labels, as_pixels, check_some
from hierseg_keras.visualization.names import name_legend, tallest_column, total_height, widest, wrapped
from hierseg_keras.visualization.picture import Picture

# Lengths in inches.
CELL_WIDTH, TITLE_HEIGHT, _WIDEST_TITLE = 2.9, 0.3, 2.6
_ROW, _LINE, _WIDEST_NAME = 0.19, 0.14, 3.2
# The width of a legend entry without its text: the color and the gaps around it.
_HANDLE_WIDTH = 0.55
# Font sizes in points.
TITLE_SIZE, _LEGEND_SIZE = 9, 8
# The largest number of indents in a legend. Deeper nodes are indented no further.
_DEEPEST = 8


def draw_levels(
    tree: ClassTree | str,
    image: ArrayLike,
    maps: Mapping[str, ArrayLike],
    path: str | os.PathLike | None = None,
) -> Figure:
    """Draws an image and its label maps, one row per map and one column per level, with a legend.

    Pixels are black where they have no label, or a label that is too coarse for the level.

    Args:
        tree: `ClassTree`, or its text.
        image: `(H, W, 3)` array of colors in 0 .. 255. Further channels, such as depth, are not shown.
        maps: Dict from a row's title to an `(H, W)` integer array of node indices, such as
            `{"truth": label, "prediction": leaf}`. Negative numbers, and one other number outside
            `[0, V)`, mark pixels without a label.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `image` does not hold three channels of colors in 0 .. 255; if `maps` is empty;
            or if a map differs from the image in size, does not hold integers, or holds two or more
            different numbers that are not less than `V`.

    Example:

    >>> leaf, _ = hs.decoding.best_path(tree, model.predict(images, verbose=0))
    >>> figure = hs.visualization.draw_levels(tree, images[0], {"prediction": leaf[0]}, "levels.png")
    """
    tree = as_class_tree(tree)
    pixels = as_pixels("draw_levels", image)
    check_some("draw_levels", "maps", maps, "map")
    maps = {title: as_labels("draw_levels", labels, tree.num_nodes, pixels.shape[:2]) for title, labels in maps.items()}
    levels = range(1, tree.num_levels + 1)
    titles = [[_level_title(tree, title, level) for level in levels] for title in maps]
    heights = [CELL_WIDTH * pixels.shape[0] / pixels.shape[1] + title_height(row) for row in titles]
    upper, lower = legend_below(tree, (1 + len(levels)) * CELL_WIDTH, sum(heights) + TITLE_HEIGHT)
    axes = upper.subplots(len(maps), 1 + len(levels), squeeze=False, height_ratios=heights)
    for axis in axes.flat:
        axis.set_axis_off()
    show_picture(axes[0][0], pixels, "image")
    for row, labels, row_titles in zip(axes, maps.values(), titles):
        for axis, level, title in zip(row[1:], levels, row_titles):
            show_picture(axis, paint_level(tree, labels, level), title)
    draw_legend(tree, lower)
    return upper.figure.saved(path)


def _level_title(tree, title, level):
    text = f"{title}, level {level} ({len(tree.level_classes(level))} classes)"
    return wrapped(text, TITLE_SIZE, _WIDEST_TITLE)


def title_height(titles):
    """Computes the height of the tallest title of a row, in inches."""
    return max(total_height([title], TITLE_HEIGHT, _ROW) for title in titles)


def paint_level(tree, labels, level):
    """Paints a map of nodes with the classes of a level, `(H, W, 3)` uint8."""
    is_node = (labels >= 0) & (labels < tree.num_nodes)
    classes = tree.level_table[level - 1][np.where(is_node, labels, 0)]
    return color_labels(tree, np.where(is_node, classes, -1))


def show_picture(axis, picture, title=""):
    axis.imshow(picture, interpolation="nearest")
    axis.set_title(title, fontsize=TITLE_SIZE)


def legend_below(tree, width, height):
    """Makes a picture of two parts: the upper one of the given height in inches, the lower one for `draw_legend`."""
    lower = 2 * _ROW + tallest_column(_labels(tree), _legend_columns(tree, width), _ROW, _LINE)
    return Picture(width, height + lower).subfigures(2, 1, height_ratios=[height, lower])


def _legend_columns(tree, width):
    """Computes how many legend columns, each as wide as the widest label, fit into a width in inches."""
    return max(1, min(6, int(width / (_HANDLE_WIDTH + widest(_labels(tree), _LEGEND_SIZE)))))


def _labels(tree):
    """Returns the legend's texts: names in preorder, indented by depth, and one for pixels without a label."""
    indents = ["    " * min(tree.depths[node] - 1, _DEEPEST) for node in tree.preorder]
    names = [tree.names[node] for node in tree.preorder]
    return [wrapped(name, _LEGEND_SIZE, _WIDEST_NAME, indent) for name, indent in zip(names, indents)] + ["no label"]


def draw_legend(tree, figure):
    """Draws a legend of all nodes, with children indented below their parents."""
    colors = [*(node_colors(tree)[tree.preorder] / 255.0), UNLABELED]
    columns = _legend_columns(tree, figure.figure.get_figwidth())
    name_legend(
        figure,
        [Patch(color=color) for color in colors],
        _labels(tree),
        loc="center",
        ncols=columns,
        fontsize=_LEGEND_SIZE,
        frameon=False,
        handlelength=1.2,
    )
