"""From scores to paths and levels."""

from hierseg_keras.decoding.average_logits import average_logits
from hierseg_keras.decoding.best_path import best_path, told_outputs
from hierseg_keras.decoding.confident_labels import confident_labels
from hierseg_keras.decoding.level_labels import level_labels
from hierseg_keras.decoding.node_probabilities import node_probabilities

__all__ = ["average_logits", "best_path", "confident_labels", "level_labels", "node_probabilities", "told_outputs"]
