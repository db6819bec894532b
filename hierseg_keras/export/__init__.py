"""From a trained network to a SavedModel that answers at every level."""

from hierseg_keras.export.saved_model import saved_model

__all__ = ["saved_model"]
