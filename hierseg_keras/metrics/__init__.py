"""Metrics along a class tree, one a file."""

from hierseg_keras.metrics.depth_loss import DepthLoss
from hierseg_keras.metrics.level_mean_iou import LevelMeanIoU

__all__ = ["DepthLoss", "LevelMeanIoU"]
