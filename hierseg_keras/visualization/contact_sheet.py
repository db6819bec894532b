"""Several images with their labels at every level on one sheet."""

import numpy as np
from matplotlib.figure import Figure

from hierseg_keras.tree import as_class_tree
from hierseg_keras.visualization.levels import CELL_WIDTH, draw_legend, legend_height, paint_level, show_picture

_TITLE_HEIGHT, _GAP = 0.35, 0.06


def draw_contact_sheet(tree, examples, path=None):
    """Draws images and their label maps, a row an image and a column a level, with a legend.

    Args:
        tree: `ClassTree`, or its text.
        examples: List of pairs: an image, `(H, W, 3)` array of colours in 0 .. 255, and its label
            map, `(H, W)` integer array of node indices. At a level for which a label is too coarse,
            and where it is no node, the map is black. Sizes may differ.
        path: Optional file to which the picture is saved.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no example.

    Example:

    >>> labels = np.zeros((1, 8, 8), "int32")
    >>> figure = hs.visualization.draw_contact_sheet(tree, list(zip(images, labels)), "contact_sheet.png")
    """
    tree = as_class_tree(tree)
    if not len(examples):
        raise ValueError("`draw_contact_sheet` expects at least one image and label map. Received: none.")
    heights = [CELL_WIDTH * np.shape(label)[0] / np.shape(label)[1] + _GAP for _, label in examples]
    rows_height = sum(heights) + _TITLE_HEIGHT
    size = ((1 + tree.num_levels) * CELL_WIDTH, rows_height + legend_height(tree))
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[rows_height, legend_height(tree)])
    axes = upper.subplots(len(examples), 1 + tree.num_levels, squeeze=False, height_ratios=heights)
    titles = ["image"] + [f"level {level} ({len(classes)} classes)" for level, classes in _levels(tree)]
    for row, (image, label) in enumerate(examples):
        pictures = [np.clip(image, 0, 255).astype(np.uint8)]
        pictures += [paint_level(tree, label, level) for level, _ in _levels(tree)]
        for axis, picture, title in zip(axes[row], pictures, titles):
            axis.set_axis_off()
            show_picture(axis, picture, "" if row else title)
    draw_legend(tree, lower)
    if path is not None:
        figure.savefig(path)
    return figure


def _levels(tree):
    return [(level, tree.level_classes(level)) for level in range(1, tree.num_levels + 1)]
