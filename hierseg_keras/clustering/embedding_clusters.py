"""Clusters of classes with similar features."""

import numpy as np
from numpy.typing import ArrayLike

from hierseg_keras.clustering.cluster_numbers import check_size, numbered, with_absent


def embedding_clusters(embeddings: ArrayLike, num_clusters: int, seed: int = 0) -> np.ndarray:
    """Clusters classes by k-means on one embedding per class.

    Args:
        embeddings: Float array, `(K, C)`: one embedding per class, such as the mean of its pixels'
            features. A row with NaN marks an absent class, which becomes its own cluster.
        num_clusters: Number of clusters of the classes present. Classes of equal embeddings are never
            separated, so that there may be fewer.
        seed: Integer seed of k-means. Defaults to 0.

    Returns:
        `(K,)` int64 array with the cluster of each class. Clusters are numbered from 0, in the order
        of their smallest classes.

    Raises:
        ValueError: If `embeddings` is not a matrix, or `num_clusters` is not an integer between 1 and
            the number of classes present.

    Example:

    >>> hs.clustering.embedding_clusters([[0, 1], [5, 5], [0, 2], [6, 5]], 2)
    array([0, 1, 0, 1])

    Reference:
        [Borse et al., HS3, BMVC 2021](https://arxiv.org/abs/2111.02333), section 3.1.3. Left open by the
        paper: how the features of many images make one embedding per class (`HS3.class_embeddings` averages them).
    """
    from sklearn.cluster import KMeans

    embeddings = np.asarray(embeddings, "float64")
    if embeddings.ndim != 2:
        raise ValueError(f"`embeddings` expects one vector per class, (K, C). Received: shape {embeddings.shape}.")
    present = np.isfinite(embeddings).all(axis=1)
    check_size(num_clusters, present.sum())
    if num_clusters == present.sum():
        return np.arange(len(present))
    means = KMeans(int(num_clusters), n_init=10, random_state=seed).fit(embeddings[present])
    return with_absent(numbered(means.labels_), present)
