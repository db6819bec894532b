"""KerasCV when it is needed: importing it takes seconds, and TensorFlow."""

import importlib


def keras_cv_parts():
    """The module that imports KerasCV."""
    return importlib.import_module("hierseg_keras.models.keras_cv.parts")
