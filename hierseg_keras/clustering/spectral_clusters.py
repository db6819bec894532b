"""Clusters of classes that are often confused with each other."""

import numpy as np
from numpy.typing import ArrayLike

from hierseg_keras.clustering.cluster_numbers import check_size, numbered, with_absent
from hierseg_keras.tree.agglomerate import check_confusion

# This factor times the mean affinity is added to every affinity, so that a class without confusions is connected to the
# other classes. It is too small to change other clusters.
_FLOOR = 1e-6


def spectral_clusters(confusion: ArrayLike, num_clusters: int, seed: int = 0) -> np.ndarray:
    """Clusters classes by spectral clustering of a confusion matrix.

    The affinity of two classes is the mean of their two confusion counts. The clusters minimize the
    normalized cut of the affinities:

    ```
    A = (C + C^T) / 2
    ```

    Args:
        confusion: Pixel counts, `(K, K)`: labels in rows, predictions in columns.
        num_clusters: Number of clusters of the classes present, which are those with a labeled pixel.
            Each absent class becomes its own cluster in addition.
        seed: Integer seed of the k-means step on the eigenvectors. Defaults to 0.

    Returns:
        `(K,)` int64 array with the cluster of each class. Clusters are numbered from 0, in the order
        of their smallest classes.

    Raises:
        ValueError: If `confusion` is not square, holds a negative or non-finite number, or
            `num_clusters` is not an integer between 1 and the number of classes present.

    Example:

    >>> counts = [[80, 20, 0, 1], [30, 70, 1, 0], [0, 0, 90, 10], [0, 1, 20, 70]]
    >>> hs.clustering.spectral_clusters(counts, 2)
    array([0, 0, 1, 1])

    Reference:
        [Borse et al., HS3, BMVC 2021](https://arxiv.org/abs/2111.02333), section 3.1.1. Left open by the
        paper: classes without a labeled pixel (here clusters of their own), and classes without confusions (here
        weakly connected to all others).
    """
    from sklearn.cluster import spectral_clustering

    confusion = check_confusion(confusion, range(len(confusion)))
    present = confusion.sum(axis=1) > 0
    check_size(num_clusters, present.sum())
    if num_clusters == present.sum():
        return np.arange(len(present))
    counts = confusion[np.ix_(present, present)]
    affinity = (counts + counts.T) / 2
    np.fill_diagonal(affinity, 0)
    affinity += _FLOOR * max(affinity.mean(), 1e-12)
    assignment = spectral_clustering(affinity, n_clusters=int(num_clusters), random_state=seed)
    return with_absent(numbered(assignment), present)
