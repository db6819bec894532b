"""Contact sheets: several images with their labels at every level."""

import os
from collections.abc import Sequence

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.visualization.inputs import as_labels, as_pixels, check_some
from hierseg_keras.visualization.levels import (
    CELL_WIDTH,
    TITLE_HEIGHT,
    draw_legend,
    legend_below,
    paint_level,
    show_picture,
)

_GAP = 0.06


def draw_contact_sheet(
    tree: ClassTree | str,
    examples: Sequence[tuple[ArrayLike, ArrayLike]],
    path: str | os.PathLike | None = None,
) -> Figure:
    """Draws images and their label maps, one row per image and one column per level, with a legend.

    Pixels are black where they have no label, or a label that is too coarse for the level.

    Args:
        tree: `ClassTree`, or its text.
        examples: List of pairs `(image, labels)`: an `(H, W, 3)` array of colors in 0 .. 255, and an
            `(H, W)` integer array of node indices. Sizes may differ between pairs.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no example, or an image or a label map is invalid for `draw_levels`.

    Example:

    >>> labels = np.zeros((1, 8, 8), "int32")
    >>> figure = hs.visualization.draw_contact_sheet(tree, list(zip(images, labels)), "contact_sheet.png")
    """
    tree = as_class_tree(tree)
    check_some("draw_contact_sheet", "examples", examples, "image and label map")
    images = [as_pixels("draw_contact_sheet", image) for image, _ in examples]
    labels = [
        as_labels("draw_contact_sheet", label, tree.num_nodes, image.shape[:2])
        for image, (_, label) in zip(images, examples)
    ]
    levels = range(1, tree.num_levels + 1)
    heights = [CELL_WIDTH * image.shape[0] / image.shape[1] + _GAP for image in images]
    upper, lower = legend_below(tree, (1 + len(levels)) * CELL_WIDTH, sum(heights) + TITLE_HEIGHT)
    axes = upper.subplots(len(images), 1 + len(levels), squeeze=False, height_ratios=heights)
    titles = ["image"] + [f"level {level} ({len(tree.level_classes(level))} classes)" for level in levels]
    for row, (image, label) in enumerate(zip(images, labels)):
        pictures = [image, *(paint_level(tree, label, level) for level in levels)]
        for axis, picture, title in zip(axes[row], pictures, titles):
            axis.set_axis_off()
            show_picture(axis, picture, "" if row else title)
    draw_legend(tree, lower)
    return upper.figure.saved(path)
