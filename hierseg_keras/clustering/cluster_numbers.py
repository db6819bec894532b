"""Numbering of clusters, and checks of their number."""

import numpy as np

from hierseg_keras.arguments.exact_integer import is_count


def numbered(assignment):
    """Renumbers clusters from 0, in the order of their smallest classes, `(K,)` int64."""
    _, first, inverse = np.unique(np.asarray(assignment), return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def with_absent(assignment, present):
    """Extends a clustering of the classes present to all classes: each absent class becomes its own cluster."""
    whole = np.empty(len(present), "int64")
    whole[present] = assignment
    clusters = assignment.max() + 1
    whole[~present] = clusters + np.arange((~present).sum())
    return numbered(whole)


def check_size(num_clusters, num_present):
    """Raises `ValueError` if `num_clusters` is not an integer between 1 and the number of classes present."""
    if not is_count(num_clusters) or num_clusters > num_present:
        raise ValueError(
            f"`num_clusters` expects an integer between 1 and {num_present}, the number of classes present. Received: "
            f"num_clusters={num_clusters!r}."
        )
