"""An image with its label maps at every level and a legend."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from hierseg_keras.tree import as_class_tree
from hierseg_keras.visualization.colours import UNLABELLED, colour_labels, node_colours

CELL_WIDTH, _LEGEND_ROW = 2.9, 0.19
# Of a legend's entry at its font size, in inches: colour and gaps, and a letter.
_HANDLE_WIDTH, _LETTER_WIDTH = 0.55, 0.058


def draw_levels(tree, image, maps, path=None):
    """Draws an image and its label maps, a row a map and a column a level, with a legend.

    Args:
        tree: `ClassTree`, or its text.
        image: `(H, W, 3)` array of colours in 0 .. 255. Further channels, such as depth, are not shown.
        maps: Dict from a row's title to an `(H, W)` integer array of node indices, such as
            `{"truth": label, "prediction": leaf}`. At a level for which a label is too coarse,
            and where it is no node, the map is black.
        path: Optional file to which the picture is saved.

    Returns:
        `matplotlib.figure.Figure`.

    Example:

    >>> leaf, _ = hs.decoding.best_path(tree, model.predict(images, verbose=0))
    >>> figure = hs.visualization.draw_levels(tree, images[0], {"prediction": leaf[0]}, "levels.png")
    """
    tree = as_class_tree(tree)
    image = np.asarray(image)[..., :3]
    levels = range(1, tree.num_levels + 1)
    cell_height = CELL_WIDTH * image.shape[0] / image.shape[1] + 0.3
    size = ((1 + len(levels)) * CELL_WIDTH, len(maps) * cell_height + legend_height(tree) + 0.3)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[len(maps) * cell_height + 0.3, legend_height(tree)])
    axes = upper.subplots(len(maps), 1 + len(levels), squeeze=False)
    for row, (title, labels) in enumerate(maps.items()):
        for axis in axes[row]:
            axis.set_axis_off()
        if row == 0:
            show_picture(axes[row][0], image.clip(0, 255).astype(np.uint8), "image")
        for column, level in enumerate(levels, start=1):
            classes = len(tree.level_classes(level))
            picture = paint_level(tree, labels, level)
            show_picture(axes[row][column], picture, f"{title}, level {level} ({classes} classes)")
    draw_legend(tree, lower)
    if path is not None:
        figure.savefig(path)
    return figure


def paint_level(tree, labels, level):
    """Paints a map of nodes with the classes of a level, `(H, W, 3)` uint8."""
    labels = np.asarray(labels)
    is_node = (labels >= 0) & (labels < tree.num_nodes)
    classes = tree.level_table[level - 1][np.where(is_node, labels, 0)]
    return colour_labels(tree, np.where(is_node, classes, -1))


def show_picture(axis, picture, title=""):
    axis.imshow(picture, interpolation="nearest")
    axis.set_title(title, fontsize=9)


def legend_height(tree):
    """In inches, of `draw_legend`."""
    return _LEGEND_ROW * (2 + -(-tree.num_nodes // _legend_columns(tree)))


def _legend_columns(tree):
    """As many as fit beside each other under a row of pictures, the widest label in each."""
    width = (1 + tree.num_levels) * CELL_WIDTH
    return max(1, min(6, int(width / (_HANDLE_WIDTH + _LETTER_WIDTH * max(map(len, _labels(tree)))))))


def _labels(tree):
    """The names in preorder, a child's indented under its parent's."""
    return ["    " * (tree.depths[node] - 1) + tree.names[node] for node in tree.preorder]


def draw_legend(tree, figure):
    """Families together, a child indented under its parent."""
    colours = node_colours(tree) / 255.0
    patches = [Patch(color=colours[node], label=label) for node, label in zip(tree.preorder, _labels(tree))]
    patches.append(Patch(color=UNLABELLED, label="no label"))
    figure.legend(
        handles=patches, loc="center", ncols=_legend_columns(tree), fontsize=8, frameon=False, handlelength=1.2
    )
