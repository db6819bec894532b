"""Search for the clusters of each stage, over every number of clusters."""

import numpy as np

from hierseg_keras.clustering.embedding_clusters import embedding_clusters
from hierseg_keras.clustering.spectral_clusters import spectral_clusters
from hierseg_keras.clustering.trade_off import trade_off


def search_stages(counts, reference, embeddings=None):
    """Finds the clusters of each stage, from its confusion matrix or from its class embeddings.

    Args:
        counts: Dict from each stage to its confusion matrix, `(L, L)`: labels in rows, predictions in columns.
        reference: Confusion matrix of the final output, `(L, L)`.
        embeddings: Optional dict from each stage to its mean embedding per class, `(L, C)`, for
            k-means. Defaults to `None`, which means spectral clustering of `counts`.

    Returns:
        Dict from each stage to its `TradeOff`.

    Raises:
        ValueError: If fewer than 3 classes are labeled.
    """
    trade_offs = {}
    for stage, confusion in counts.items():
        cluster = spectral_clusters if embeddings is None else _by_embeddings(embeddings[stage], confusion)
        trade_offs[stage] = trade_off(confusion, reference, cluster)
    return trade_offs


def _by_embeddings(embeddings, counts):
    """Makes a function that clusters embeddings, with the arguments that `trade_off` expects."""
    # `trade_off` regards classes without a labeled pixel as absent, and NaN marks absent classes here.
    embeddings = np.where(counts.sum(axis=1, keepdims=True) > 0, embeddings, np.nan)
    return lambda _, size: embedding_clusters(embeddings, size)
