"""From prepared TFDS data sets to batches of images and node labels."""

from hierseg_keras.data.class_map import ClassMap, propose_class_map
from hierseg_keras.data.load import load
from hierseg_keras.data.prepare import flip_pairs, prepare
from hierseg_keras.data.split_off import split_off

__all__ = ["ClassMap", "flip_pairs", "load", "prepare", "propose_class_map", "split_off"]
