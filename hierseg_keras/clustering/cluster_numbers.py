"""How clusterings of classes are counted."""

import numpy as np

from hierseg_keras.tree.exact_integer import is_count


def numbered(assignment):
    """A clustering with the clusters counted by their smallest classes, `(K,)` int64."""
    _, first, inverse = np.unique(np.asarray(assignment), return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def with_absent(assignment, present):
    """A clustering of the classes present as one of all classes, each absent one a cluster of its own."""
    whole = np.empty(len(present), "int64")
    whole[present] = assignment
    clusters = assignment.max() + 1
    whole[~present] = clusters + np.arange((~present).sum())
    return numbered(whole)


def check_size(num_clusters, num_present):
    if not is_count(num_clusters) or num_clusters > num_present:
        raise ValueError(
            f"`num_clusters` expects an integer between 1 and {num_present}, the classes present. Received: "
            f"num_clusters={num_clusters!r}."
        )
