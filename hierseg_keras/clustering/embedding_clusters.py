"""Clusters of classes whose features are alike."""

import numpy as np

from hierseg_keras.clustering.cluster_numbers import check_size, numbered, with_absent


def embedding_clusters(embeddings, num_clusters, seed=0):
    """Clusters classes by k-means of one vector a class.

    Args:
        embeddings: `(K, C)`, such as the mean of each class's features, or its region's
            representation; a row of NaN for a class that is absent, which is a cluster of its own.
        num_clusters: Number of clusters of the classes present.
        seed: Of k-means.

    Returns:
        Each class's cluster, `(K,)` int64, counted by their smallest classes.

    Raises:
        ValueError: If `embeddings` is no matrix, or `num_clusters` is not between 1 and the number
            of classes present.

    Example:

    >>> hs.clustering.embedding_clusters([[0, 1], [5, 5], [0, 2], [6, 5]], 2)
    array([0, 1, 0, 1])

    Reference:
        [Borse et al., HS3, BMVC 2021](https://arxiv.org/abs/2111.02333), section 3.1.3.
    """
    from sklearn.cluster import KMeans

    embeddings = np.asarray(embeddings, "float64")
    if embeddings.ndim != 2:
        raise ValueError(f"`embeddings` expects a vector a class, (K, C). Received: shape {embeddings.shape}.")
    present = np.isfinite(embeddings).all(axis=1)
    check_size(num_clusters, present.sum())
    if num_clusters == present.sum():
        return np.arange(len(present))
    means = KMeans(int(num_clusters), n_init=10, random_state=seed).fit(embeddings[present])
    return with_absent(numbered(means.labels_), present)
