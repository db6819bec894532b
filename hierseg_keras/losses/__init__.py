"""Losses on a class tree. Each file contains one loss: a function that computes it, and a class for `compile`."""

from hierseg_keras.losses.focal_tree_min import FocalTreeMin, focal_tree_min
from hierseg_keras.losses.hierarchical_crossentropy import HierarchicalCrossentropy, hierarchical_crossentropy
from hierseg_keras.losses.region_mutual_information import RegionMutualInformation, region_mutual_information
from hierseg_keras.losses.tree_binary_crossentropy import TreeBinaryCrossentropy, tree_binary_crossentropy
from hierseg_keras.losses.tree_min import TreeMin, tree_min
from hierseg_keras.losses.tree_min_crossentropy import TreeMinCrossentropy, tree_min_crossentropy
from hierseg_keras.losses.tree_triplet import TreeTriplet, tree_triplet
from hierseg_keras.losses.weighted_sum import WeightedSum

__all__ = [
    "FocalTreeMin",
    "HierarchicalCrossentropy",
    "RegionMutualInformation",
    "TreeBinaryCrossentropy",
    "TreeMin",
    "TreeMinCrossentropy",
    "TreeTriplet",
    "WeightedSum",
    "focal_tree_min",
    "hierarchical_crossentropy",
    "region_mutual_information",
    "tree_binary_crossentropy",
    "tree_min",
    "tree_min_crossentropy",
    "tree_triplet",
]
