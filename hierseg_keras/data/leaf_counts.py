"""Distribution of the pixels that are labeled with internal nodes over the leaves below them."""

import numpy as np


def checked_counts(owner, tree, counts):
    """Returns pixel counts as a float array `(images, V)`, without the pixels that have no label.

    Raises:
        ValueError: If they do not have the shape of the result of `label_counts`, have a negative or non-finite number,
            or no labeled pixel. `owner` is the function that the message names.
    """
    array = np.atleast_2d(np.asarray(counts))
    is_number = np.issubdtype(array.dtype, np.number) and not np.issubdtype(array.dtype, np.complexfloating)
    if array.ndim != 2 or array.shape[1] != tree.num_nodes + 1 or not is_number:
        raise ValueError(
            f"`{owner}` expects pixel counts per node and one for pixels without a label, "
            f"({tree.num_nodes + 1},) or (images, {tree.num_nodes + 1}). Received: counts.shape={np.shape(counts)} of "
            f"dtype {array.dtype}. Pass what `label_counts` returns."
        )
    array = array[:, : tree.num_nodes].astype(np.float64)
    if not (np.isfinite(array).all() and (array >= 0).all() and array.any()):
        raise ValueError(
            f"`{owner}` expects finite counts of at least 0, and at least one labeled pixel. Received: "
            f"counts={np.asarray(counts).tolist()}."
        )
    return array


def shares_of_leaves(tree, counts):
    """Returns a dict from each internal node to its leaves and the share of its pixels that each leaf gets."""
    shares = {}
    for node in range(tree.num_leaves, tree.num_nodes):
        leaves = tree.leaves(node)
        leaf_counts = counts[leaves] if counts[leaves].any() else np.ones(len(leaves))
        shares[node] = leaves, leaf_counts / leaf_counts.sum()
    return shares


def counts_of_leaves(tree, counts, shares):
    """Returns the counts `(images, L)` of the leaves, to which the pixels of internal nodes are distributed."""
    leaf_counts = counts[:, : tree.num_leaves].copy()
    for node, (leaves, share) in shares.items():
        leaf_counts[:, leaves] += counts[:, [node]] * share
    return leaf_counts
