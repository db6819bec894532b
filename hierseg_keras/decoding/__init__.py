"""Decoding of a network's scores into probabilities, paths, and one label per level."""

from hierseg_keras.decoding.average_scores import average_scores
from hierseg_keras.decoding.best_path import best_path
from hierseg_keras.decoding.confident_labels import confident_labels
from hierseg_keras.decoding.level_labels import level_labels
from hierseg_keras.decoding.node_probabilities import node_probabilities
from hierseg_keras.tree.scores import Scores, infer_scores

__all__ = [
    "Scores",
    "average_scores",
    "best_path",
    "confident_labels",
    "infer_scores",
    "level_labels",
    "node_probabilities",
]
