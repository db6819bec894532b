"""Export of networks as SavedModels that return a class map per level."""

from hierseg_keras.export.fresh_process import check_in_fresh_process
from hierseg_keras.export.saved_model import saved_model

__all__ = ["check_in_fresh_process", "saved_model"]
