"""The objectives on scores by name, the rows of HSSN's table 6 among them: which scores each takes of a network."""

import functools

from hierseg_keras.losses.focal_tree_min import FocalTreeMin
from hierseg_keras.losses.hierarchical_crossentropy import HierarchicalCrossentropy
from hierseg_keras.losses.tree_binary_crossentropy import TreeBinaryCrossentropy
from hierseg_keras.losses.tree_min import TreeMin
from hierseg_keras.losses.tree_min_crossentropy import TreeMinCrossentropy
from hierseg_keras.tree import ClassTree


def _flat(tree, class_weights=None, ignore_class=255):
    """The crossentropy of leaf scores, as that of a tree without families; a coarse label makes it NaN."""
    # It checks the arguments against the tree that labels belong to.
    whole = HierarchicalCrossentropy(tree, class_weights=class_weights, ignore_class=ignore_class)
    flat = ClassTree([f"class {leaf}" for leaf in range(tree.num_leaves)])
    weights = None if class_weights is None else whole.class_weights[: tree.num_leaves]
    return HierarchicalCrossentropy(flat, class_weights=weights, ignore_class=ignore_class, name="crossentropy")


# Name -> (the scores it takes, how it is made of a tree).
OBJECTIVES = {
    "crossentropy": ("leaves", _flat),
    "hierarchical_crossentropy": ("leaves", HierarchicalCrossentropy),
    "tree_binary_crossentropy": ("nodes", TreeBinaryCrossentropy),
    "focal_binary_crossentropy": ("nodes", functools.partial(TreeBinaryCrossentropy, gamma=2)),
    "tree_min": ("nodes", TreeMin),
    "focal_tree_min": ("nodes", FocalTreeMin),
    "tree_min_crossentropy": ("nodes", TreeMinCrossentropy),
}


def make_loss(name, tree, ignore_class, class_weights=None):
    """Makes the loss to train with, and the tree loss whose terms by depth are logged.

    Args:
        name: Name in `OBJECTIVES`.
        tree: `ClassTree`.
        ignore_class: Integer label of pixels without one.
        class_weights: As the losses take them.

    Returns:
        A pair of losses.
    """
    scores, make = OBJECTIVES[name]
    loss = make(tree, class_weights=class_weights, ignore_class=ignore_class)
    by_depth = HierarchicalCrossentropy(tree, ignore_class=ignore_class) if scores == "leaves" else loss
    return loss, by_depth
