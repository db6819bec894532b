"""Metrics on a class tree. Each file contains one metric."""

from hierseg_keras.metrics.confidence_curve import ConfidenceCurve
from hierseg_keras.metrics.depth_loss import DepthLoss
from hierseg_keras.metrics.hierarchical_f_score import HierarchicalFScore
from hierseg_keras.metrics.instance_mean_iou import CITYSCAPES_INSTANCE_SIZES, InstanceMeanIoU
from hierseg_keras.metrics.level_accuracy import LevelAccuracy
from hierseg_keras.metrics.level_mean_iou import LevelMeanIoU
from hierseg_keras.metrics.mistake_severity import MistakeSeverity
from hierseg_keras.metrics.path_coherence import PathCoherence
from hierseg_keras.metrics.tree_report import TreeReport

__all__ = [
    "CITYSCAPES_INSTANCE_SIZES",
    "ConfidenceCurve",
    "DepthLoss",
    "HierarchicalFScore",
    "InstanceMeanIoU",
    "LevelAccuracy",
    "LevelMeanIoU",
    "MistakeSeverity",
    "PathCoherence",
    "TreeReport",
]
