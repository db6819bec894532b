"""Hierarchical semantic segmentation for Keras: losses, metrics, models and data pipelines for a class tree."""

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
    "prediction",
    "training",
    "tree",
    "visualization",
]


def __getattr__(name):
    # These packages are imported on first use, because they import TFDS and matplotlib, or take long to import, which
    # many users do not need. They define no class that Keras must find when it loads a model.
    if name in ("clustering", "data", "export", "prediction", "visualization"):
        return importlib.import_module(f"hierseg_keras.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
