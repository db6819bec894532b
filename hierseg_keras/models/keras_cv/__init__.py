"""Lazy access to KerasCV, whose import takes seconds and requires TensorFlow."""

import importlib


def keras_cv_parts():
    """Imports and returns the module that imports KerasCV."""
    return importlib.import_module("hierseg_keras.models.keras_cv.parts")
