"""Clusters of classes that a stage of a network can distinguish, derived from its confusions."""

from hierseg_keras.clustering.embedding_clusters import embedding_clusters
from hierseg_keras.clustering.spectral_clusters import spectral_clusters
from hierseg_keras.clustering.trade_off import TradeOff, cluster_mean_iou, constant_ratio_sizes, trade_off

__all__ = [
    "TradeOff",
    "cluster_mean_iou",
    "constant_ratio_sizes",
    "embedding_clusters",
    "spectral_clusters",
    "trade_off",
]
