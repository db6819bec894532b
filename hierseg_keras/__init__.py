"""Hierarchical semantic segmentation for Keras: a class tree that every part of the job understands."""

import importlib

from hierseg_keras import decoding, distribution, losses, metrics, models, training, tree
from hierseg_keras.tree import ClassTree, TreeError
from hierseg_keras.version import __version__

__all__ = [
    "ClassTree",
    "TreeError",
    "__version__",
    "clustering",
    "data",
    "decoding",
    "distribution",
    "export",
    "losses",
    "metrics",
    "models",
    "training",
    "tree",
    "visualization",
]


def __getattr__(name):
    # These rooms import TensorFlow, TFDS, matplotlib or scikit-learn, which a JAX user or a loss
    # alone does not need, and define nothing that Keras would have to find when it loads a model.
    if name in ("clustering", "data", "export", "visualization"):
        return importlib.import_module(f"hierseg_keras.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
