"""The clusters of each stage for every number of them, and how well the stage tells them apart."""

import numpy as np

from hierseg_keras.clustering.embedding_clusters import embedding_clusters
from hierseg_keras.clustering.spectral_clusters import spectral_clusters
from hierseg_keras.clustering.trade_off import trade_off


def search_stages(counts, reference, embeddings=None):
    """Finds the clusters of each stage, by its confusions or by its embeddings of the classes.

    Args:
        counts: Dict from each stage to its counts of labels by predictions, `(L, L)`.
        reference: The same counts of the final output.
        embeddings: Optional dict from each stage to its mean embedding of each class, `(L, C)`, by which k-means
            finds the clusters. Defaults to spectral clustering of `counts`.

    Returns:
        Dict from each stage to its `TradeOff`.

    Raises:
        ValueError: If fewer than 3 classes are labeled.
    """
    if embeddings is None:
        return {stage: trade_off(confusion, reference, spectral_clusters) for stage, confusion in counts.items()}
    return {
        stage: trade_off(confusion, reference, _by_embeddings(embeddings[stage], confusion))
        for stage, confusion in counts.items()
    }


def _by_embeddings(embeddings, counts):
    """As a function that `trade_off` takes; classes without a label are absent, as it has them."""
    embeddings = np.where(counts.sum(axis=1, keepdims=True) > 0, embeddings, np.nan)
    return lambda _, size: embedding_clusters(embeddings, size)
