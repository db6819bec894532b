"""The losses by name: what each needs of the network, and what is logged by depth."""

import functools

import keras

from hierseg_keras import losses


def _flat(tree, ignore_class):
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=ignore_class)


# Name -> (the logits it takes, how it is made of a tree).
OBJECTIVES = {
    "crossentropy": ("leaves", _flat),
    "hierarchical_crossentropy": ("leaves", losses.HierarchicalCrossentropy),
    "tree_binary_crossentropy": ("nodes", losses.TreeBinaryCrossentropy),
    "focal_binary_crossentropy": ("nodes", functools.partial(losses.TreeBinaryCrossentropy, gamma=2)),
    "tree_min": ("nodes", losses.TreeMin),
    "focal_tree_min": ("nodes", losses.FocalTreeMin),
}


def make_loss(name, tree, ignore_class):
    """The loss to train with, and the tree loss whose terms by depth are logged."""
    outputs, make = OBJECTIVES[name]
    loss = make(tree, ignore_class=ignore_class)
    by_depth = losses.HierarchicalCrossentropy(tree, ignore_class=ignore_class) if outputs == "leaves" else loss
    return loss, by_depth
