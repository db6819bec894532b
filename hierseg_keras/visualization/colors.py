"""Colors of the nodes of a tree, and of label maps."""

import numpy as np
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.visualization.inputs import as_labels
from hierseg_keras.visualization.palettes import Palette, palette_colors

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def node_colors(tree: ClassTree | str, palette: Palette = None) -> np.ndarray:
    """Returns the color of each node.

    The official palettes that ship with the package belong to the trees `cityscapes`, `camvid`,
    `camvid_groups`, `camvid_original`, `lip`, `mapillary_vistas_v1_2`, `mapillary_vistas_v2` and
    `mapillary_vistas_v2_official`, and to any tree that has the same leaves.

    The generated palette divides the circle of hues among the top classes. Siblings differ from each
    other, as far as possible also for readers without green-sensitive cones, and a group has similar
    hues. Words such as `sky`, `vegetation` and `person` in the name of a top class give it a customary
    hue, and only people are red. No color is close to black.

    Args:
        tree: `ClassTree`, or its text.
        palette: The colors to use. One of:

            - `None` (the default): the official palette of the tree's data set if there is one, and
              otherwise the generated palette.
            - `"generated"`: the generated palette.
            - `"voc"`: the palette of PASCAL VOC's label maps. Leaf `i` has color `i` if leaf 0 is
              `background`, and otherwise color `i + 1`.
            - The path of a CSV file with the columns `node` and `color`, such as a class table; or a
              `data.ClassMap`. Colors are written as `#800000`. If there is no color but ids are
              colors, the ids are used.
            - A dict from nodes to colors, as `"#800000"` or `(128, 0, 0)`.
            - An integer array in 0 .. 255, `(V, 3)`, or `(L, 3)` for the leaves alone.

            The other nodes have the colors of `None`, except that an internal node above these nodes
            gets a color from its children: their mean lightness and vividness, and the hue of their
            mean in OKLab.

    Returns:
        `(V, 3)` uint8 array, RGB.

    Raises:
        ValueError: If `palette` is an array of another shape, dtype or range, or holds something else
            than a color.
        TreeError: If a node is not in the tree, or a file is not in this format.
        FileNotFoundError: If there is no such file.

    Example:

    >>> tree = hs.ClassTree.load("cityscapes")
    >>> hs.visualization.node_colors(tree)[tree.index("sky/sky")].tolist()
    [70, 130, 180]
    >>> hs.visualization.node_colors(tree, {"sky/sky": "#00ffff"})[tree.index("sky")].tolist()
    [0, 255, 255]
    """
    tree = as_class_tree(tree)
    return palette_colors(tree, palette).copy()


def color_labels(tree: ClassTree | str, labels: ArrayLike, palette: Palette = None) -> np.ndarray:
    """Paints a map of node indices with the colors of `node_colors`.

    Pixels without a label are black, or white if a node has black and none has white.

    Args:
        tree: `ClassTree`, or its text.
        labels: Integer array of any shape, `(...)`, of node indices. Negative numbers, and one other
            number outside `[0, V)`, mark pixels without a label.
        palette: Colors of the nodes, as in `node_colors`. Defaults to the official palette of the
            tree's data set, or otherwise the generated one.

    Returns:
        `(..., 3)` uint8 array, RGB.

    Raises:
        ValueError: If `labels` does not hold integers, or holds two or more different numbers that
            are not less than `V`.
    """
    tree = as_class_tree(tree)
    labels = as_labels("color_labels", labels, tree.num_nodes)
    colors = node_colors(tree, palette)
    colors = np.concatenate([colors, [unlabeled_color(colors)]])
    is_node = (labels >= 0) & (labels < tree.num_nodes)
    # A Python integer would take the labels' dtype, which may be too small for it.
    return colors[np.where(is_node, labels, np.int64(tree.num_nodes))]


def unlabeled_color(colors):
    """Returns the color of pixels without a label, uint8 `(3,)`: the first of black and white that no class has.

    It is black if classes have both.

    Args:
        colors: `(N, 3)` array of the classes' colors.
    """
    taken = {tuple(color) for color in np.asarray(colors).astype(int).tolist()}
    return np.array(next((color for color in (_BLACK, _WHITE) if color not in taken), _BLACK), np.uint8)
