"""Export of networks that return a class map per level: SavedModel, LiteRT and ONNX."""

from hierseg_keras.export.fresh_process import check_in_fresh_process
from hierseg_keras.export.litert import litert
from hierseg_keras.export.onnx import onnx
from hierseg_keras.export.saved_model import saved_model

__all__ = ["check_in_fresh_process", "litert", "onnx", "saved_model"]
