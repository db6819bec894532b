"""Colors of the nodes of a tree."""

import colorsys

import numpy as np
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.visualization.inputs import as_labels

UNLABELED = (0, 0, 0)
_DARKEST, _LIGHTEST, _SATURATION = 0.28, 0.78, 0.62
# The largest difference between the hues of a top class and its children, as a share of the gap between top classes.
_HUE_SPREAD = 0.45


def node_colors(tree: ClassTree | str) -> np.ndarray:
    """Computes a color for each node that shows which top class it belongs to.

    Every top class has its own hue. The hue and lightness of its descendants vary around those of
    their parents, and vary less the deeper they are, so that a child has a shade of its parent's color.

    Args:
        tree: `ClassTree`, or its text.

    Returns:
        `(V, 3)` uint8 array, RGB.
    """
    tree = as_class_tree(tree)
    tops = tree.children()
    gap = 1.0 / len(tops)
    colors = np.zeros((tree.num_nodes, 3), np.uint8)
    pending = [(top, i * gap, _HUE_SPREAD * gap, _DARKEST, _LIGHTEST) for i, top in enumerate(tops)]
    while pending:
        node, hue, spread, dark, light = pending.pop()
        rgb = colorsys.hls_to_rgb(hue % 1.0, (dark + light) / 2, _SATURATION)
        colors[node] = np.round(np.multiply(rgb, 255))
        children = tree.children(node)
        if not len(children):
            continue
        steps = np.linspace(dark, light, len(children) + 1)
        hues = hue + spread * (np.linspace(-1, 1, len(children)) if len(children) > 1 else np.zeros(1))
        pending.extend(zip(children, hues, [spread / len(children)] * len(children), steps[:-1], steps[1:]))
    return colors


def color_labels(tree: ClassTree | str, labels: ArrayLike) -> np.ndarray:
    """Paints a map of node indices with the colors of `node_colors`.

    Pixels without a label are black.

    Args:
        tree: `ClassTree`, or its text.
        labels: Integer array of any shape, `(...)`, of node indices. Negative numbers, and one other
            number outside `[0, V)`, mark pixels without a label.

    Returns:
        `(..., 3)` uint8 array, RGB.

    Raises:
        ValueError: If `labels` does not hold integers, or holds two or more different numbers that
            are not less than `V`.
    """
    tree = as_class_tree(tree)
    labels = as_labels("color_labels", labels, tree.num_nodes)
    palette = np.concatenate([node_colors(tree), [UNLABELED]]).astype(np.uint8)
    is_node = (labels >= 0) & (labels < tree.num_nodes)
    return palette[np.where(is_node, labels, tree.num_nodes)]
