"""Loads TFDS data sets as batches of images and node labels."""

from hierseg_keras.data.class_map import ClassMap
from hierseg_keras.data.class_weights import class_weights
from hierseg_keras.data.from_arrays import from_arrays
from hierseg_keras.data.from_dataset import from_dataset
from hierseg_keras.data.from_folders import from_folders
from hierseg_keras.data.label_counts import label_counts, level_counts
from hierseg_keras.data.load import load
from hierseg_keras.data.prepare import flip_pairs, prepare
from hierseg_keras.data.propose_class_map import propose_class_map
from hierseg_keras.data.set_epoch import SetEpoch
from hierseg_keras.data.split_off import split_off

__all__ = [
    "ClassMap",
    "SetEpoch",
    "class_weights",
    "flip_pairs",
    "from_arrays",
    "from_dataset",
    "from_folders",
    "label_counts",
    "level_counts",
    "load",
    "prepare",
    "propose_class_map",
    "split_off",
]
