"""Predictions for files of images, written as class maps and pictures."""

from hierseg_keras.prediction.predict_files import FilePredictions, predict_files

__all__ = ["FilePredictions", "predict_files"]
