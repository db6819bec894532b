"""One color per node, a child's a shade of its parent's."""

import colorsys

import numpy as np

from hierseg_keras.tree import as_class_tree
from hierseg_keras.visualization.inputs import as_labels

UNLABELED = (0, 0, 0)
_DARKEST, _LIGHTEST, _SATURATION = 0.28, 0.78, 0.62
# How far children's hues spread about their parent's, as a share of the gap between families.
_HUE_SPREAD = 0.45


def node_colors(tree):
    """Gives each node a color that shows its family.

    Every top class has a hue of its own. Below it hue and lightness spread about the parent's,
    the less the deeper, so that a child reads as a shade of its parent.

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


def color_labels(tree, labels):
    """Paints a map of node indices; whatever is no node is black.

    Args:
        tree: `ClassTree`, or its text.
        labels: Integer array of any shape `(...)`. Negative numbers, and one other number that is no
            node, mark pixels without a label.

    Returns:
        `(..., 3)` uint8 array, RGB.

    Raises:
        ValueError: If `labels` holds floats, or two numbers or more that are beyond the nodes.
    """
    tree = as_class_tree(tree)
    labels = as_labels("color_labels", labels, tree.num_nodes)
    palette = np.concatenate([node_colors(tree), [UNLABELED]]).astype(np.uint8)
    is_node = (labels >= 0) & (labels < tree.num_nodes)
    return palette[np.where(is_node, labels, tree.num_nodes)]
