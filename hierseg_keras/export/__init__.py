"""From a trained network to a SavedModel that answers at every level."""

from hierseg_keras.export.fresh_process import check_in_fresh_process
from hierseg_keras.export.saved_model import saved_model

__all__ = ["check_in_fresh_process", "saved_model"]
