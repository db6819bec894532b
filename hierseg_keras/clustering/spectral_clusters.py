"""Clusters of classes that are taken for each other."""

import numpy as np

from hierseg_keras.clustering.cluster_numbers import check_size, numbered, with_absent
from hierseg_keras.tree.agglomerate import check_confusion

# Of the mean affinity: so that classes that nothing is taken for have a place, and it changes nothing else.
_FLOOR = 1e-6


def spectral_clusters(confusion, num_clusters, seed=0):
    """Clusters classes by spectral clustering of a confusion matrix.

    The affinity of two classes is how many pixels of either are taken for the other, and the
    clusters are those that cut the least of it (normalized cuts):

    ```
    A = (C + C^T) / 2
    ```

    Args:
        confusion: Counts of labels by predictions, `(K, K)`.
        num_clusters: Number of clusters of the classes present, those with a labeled pixel.
            Absent classes, of which nothing is known, are clusters of their own besides.
        seed: Of k-means, in the space of the eigenvectors.

    Returns:
        Each class's cluster, `(K,)` int64, counted by their smallest classes.

    Raises:
        ValueError: If the matrix is not square, finite and without negative numbers, or
            `num_clusters` is not between 1 and the number of classes present.

    Example:

    >>> counts = [[80, 20, 0, 1], [30, 70, 1, 0], [0, 0, 90, 10], [0, 1, 20, 70]]
    >>> hs.clustering.spectral_clusters(counts, 2)
    array([0, 0, 1, 1])

    Reference:
        [Borse et al., HS3, BMVC 2021](https://arxiv.org/abs/2111.02333), section 3.1.1.
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
