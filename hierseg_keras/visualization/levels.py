"""Pictures of an image with its label maps at every level."""

import os
from collections.abc import Mapping

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.visualization.colors import node_colors
from hierseg_keras.visualization.grid import draw_grid
from hierseg_keras.visualization.inputs import as_labels, as_pixels, check_some
from hierseg_keras.visualization.palettes import Palette


def draw_levels(
    tree: ClassTree | str,
    image: ArrayLike,
    maps: Mapping[str, ArrayLike],
    path: str | os.PathLike | None = None,
    palette: Palette = None,
) -> Figure:
    """Draws an image and its label maps, one row per map and one column per level.

    Pixels are black, or white if black is a class, where they have no label, or a label that is too coarse for the
    level. The legend lists the classes in the picture.

    Args:
        tree: `ClassTree`, or its text.
        image: `(H, W, 3)` array of colors in 0 .. 255. Further channels, such as depth, are not shown.
        maps: Dict from a row's title to an `(H, W)` integer array of node indices, such as
            `{"ground truth": label, "prediction": leaf}`. Negative numbers, and one other number outside
            `[0, V)`, mark pixels without a label.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.
        palette: Colors of the nodes, as in `node_colors`. Defaults to the official palette of the
            tree's data set, or otherwise the generated one.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `image` does not hold three channels of colors in 0 .. 255; if `maps` is empty;
            if a map differs from the image in size, does not hold integers, or holds two or more
            different numbers that are not less than `V`; or if `palette` is invalid for `node_colors`.

    Example:

    >>> leaf, _ = hs.decoding.best_path(tree, model.predict(images, verbose=0))
    >>> figure = hs.visualization.draw_levels(tree, images[0], {"prediction": leaf[0]}, "levels.png")
    """
    tree = as_class_tree(tree)
    pixels = as_pixels("draw_levels", image)
    check_some("draw_levels", "maps", maps, "map")
    maps = {title: as_labels("draw_levels", labels, tree.num_nodes, pixels.shape[:2]) for title, labels in maps.items()}
    figure = draw_grid(tree, node_colors(tree, palette), [pixels] * len(maps), list(maps.values()), list(maps))
    return figure.saved(path)
