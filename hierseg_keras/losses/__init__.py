"""Losses along a class tree, one published loss per file."""

from hierseg_keras.losses.focal_tree_min import FocalTreeMin
from hierseg_keras.losses.hierarchical_crossentropy import HierarchicalCrossentropy
from hierseg_keras.losses.tree_binary_crossentropy import TreeBinaryCrossentropy
from hierseg_keras.losses.tree_min import TreeMin
from hierseg_keras.losses.tree_min_crossentropy import TreeMinCrossentropy
from hierseg_keras.losses.tree_triplet import TreeTriplet

__all__ = [
    "FocalTreeMin",
    "HierarchicalCrossentropy",
    "TreeBinaryCrossentropy",
    "TreeMin",
    "TreeMinCrossentropy",
    "TreeTriplet",
]
