"""From scores to paths and levels."""

from hierseg_keras.decoding.best_path import best_path, told_outputs
from hierseg_keras.decoding.level_labels import level_labels

__all__ = ["best_path", "level_labels", "told_outputs"]
