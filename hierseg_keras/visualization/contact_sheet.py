"""Contact sheets: several images with their labels at every level."""

import os
from collections.abc import Sequence

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.visualization.colors import node_colors
from hierseg_keras.visualization.grid import draw_grid
from hierseg_keras.visualization.inputs import as_labels, as_pixels, check_some
from hierseg_keras.visualization.palettes import Palette


def draw_contact_sheet(
    tree: ClassTree | str,
    examples: Sequence[tuple[ArrayLike, ArrayLike]],
    path: str | os.PathLike | None = None,
    palette: Palette = None,
) -> Figure:
    """Draws images and their label maps, one row per image and one column per level.

    Pixels are black, or white if black is a class, where they have no label, or a label that is too coarse for the
    level. The legend lists the classes in the picture.

    Args:
        tree: `ClassTree`, or its text.
        examples: List of pairs `(image, labels)`: an `(H, W, 3)` array of colors in 0 .. 255, and an
            `(H, W)` integer array of node indices. Sizes may differ between pairs.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.
        palette: Colors of the nodes, as in `node_colors`. Defaults to the official palette of the
            tree's data set, or otherwise the generated one.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no example, or an image or a label map is invalid for `draw_levels`, or
            `palette` for `node_colors`.

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
    return draw_grid(tree, node_colors(tree, palette), images, labels).saved(path)
