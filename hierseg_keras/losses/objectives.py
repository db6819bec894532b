"""The objectives on logits by name, the rows of HSSN's table 6 among them: what each needs of the network."""

import functools

import keras

from hierseg_keras.losses.focal_tree_min import FocalTreeMin
from hierseg_keras.losses.hierarchical_crossentropy import HierarchicalCrossentropy
from hierseg_keras.losses.tree_binary_crossentropy import TreeBinaryCrossentropy
from hierseg_keras.losses.tree_min import TreeMin
from hierseg_keras.losses.tree_min_crossentropy import TreeMinCrossentropy


def _flat(tree, ignore_class):
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=ignore_class)


# Name -> (the logits it takes, how it is made of a tree).
OBJECTIVES = {
    "crossentropy": ("leaves", _flat),
    "hierarchical_crossentropy": ("leaves", HierarchicalCrossentropy),
    "tree_binary_crossentropy": ("nodes", TreeBinaryCrossentropy),
    "focal_binary_crossentropy": ("nodes", functools.partial(TreeBinaryCrossentropy, gamma=2)),
    "tree_min": ("nodes", TreeMin),
    "focal_tree_min": ("nodes", FocalTreeMin),
    "tree_min_crossentropy": ("nodes", TreeMinCrossentropy),
}


def make_loss(name, tree, ignore_class):
    """The loss to train with, and the tree loss whose terms by depth are logged."""
    scores, make = OBJECTIVES[name]
    loss = make(tree, ignore_class=ignore_class)
    by_depth = HierarchicalCrossentropy(tree, ignore_class=ignore_class) if scores == "leaves" else loss
    return loss, by_depth
