"""Weights of classes from their numbers of pixels, for losses."""

import numpy as np

from hierseg_keras.data.argument_checks import check_arguments
from hierseg_keras.tree import as_class_tree


def class_weights(tree, counts, method="inverse_frequency", beta=None):
    """Computes a weight per node from pixel counts, so that rare classes are not drowned out.

    Formulas, for a leaf `c` of `n_c` labeled pixels out of `N`:

        inverse_frequency:  w_c = N / n_c
        median_frequency:   w_c = median of freq over the leaves / freq_c,
                            freq_c = n_c / labeled pixels of the images in which c occurs
        effective_number:   w_c = (1 - beta) / (1 - beta ** n_c)

    Then all weights are multiplied by one number, so that their mean over the labeled pixels is 1: the loss keeps its
    size, and the learning rate its meaning. The papers differ by that factor alone.

    A leaf without pixels weighs as much as the heaviest leaf that has any. An internal node stands for the leaves below
    it, in proportion to their own pixels (in equal parts where they have none): the pixels that are labeled with it
    count for these leaves in that proportion, and its weight is the mean of theirs.

    Args:
        tree: `ClassTree`, or its text.
        counts: As `label_counts` returns them: `(V + 1,)`; or `(images, V + 1)`, as `per_image=True` returns them,
            which the paper's median frequency needs. For `(V + 1,)` it takes all images for ones in which every
            class occurs.
        method: `"inverse_frequency"`, `"median_frequency"` or `"effective_number"`.
        beta: Between 0 and 1, for `"effective_number"`. Defaults to the paper's `(N - 1) / N`.

    Returns:
        `(V,)` float32 array, indexed by a label.

    Raises:
        ValueError: If `counts` does not have the shape above, holds negative values, or no labeled pixel.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> class_weights(tree, [10, 5, 85, 0, 7]).round(2)
    array([3.33, 6.67, 0.39, 4.44], dtype=float32)

    Reference:
        [Eigen & Fergus, ICCV 2015](https://arxiv.org/abs/1411.4734), section 6.3.2, for the median frequency;
        [Cui et al., CVPR 2019](https://arxiv.org/abs/1901.05555), eq. 2-4, for the effective number.
    """
    tree = as_class_tree(tree)
    if method not in _METHODS:
        raise ValueError(f"`class_weights` expects a method of {sorted(_METHODS)}. Received: method={method!r}.")
    check_arguments("class_weights", beta=beta)
    counts = _checked(tree, counts)
    shares = _shares(tree, counts.sum(axis=0))
    leaf_counts = counts[:, : tree.num_leaves].copy()
    for node, (leaves, share) in shares.items():
        leaf_counts[:, leaves] += counts[:, [node]] * share
    pixels = leaf_counts.sum(axis=0)
    present = pixels > 0
    weights = np.zeros(tree.num_leaves)
    weights[present] = _METHODS[method](leaf_counts[:, present], beta)
    weights[~present] = weights.max()
    weights *= pixels.sum() / (weights @ pixels)
    return np.array([*weights, *(weights[leaves] @ share for leaves, share in shares.values())], np.float32)


def _inverse_frequency(counts, beta):
    del beta
    return 1 / counts.sum(axis=0)


def _median_frequency(counts, beta):
    del beta
    frequencies = counts.sum(axis=0) / (counts.sum(axis=1) @ (counts > 0))
    return np.median(frequencies) / frequencies


def _effective_number(counts, beta):
    beta = 1 - 1 / counts.sum() if beta is None else beta
    # (1 - beta) / (1 - beta ** n) without the cancellation that a beta near 1 brings.
    return (beta - 1) / np.expm1(counts.sum(axis=0) * np.log(beta))


_METHODS = {
    "inverse_frequency": _inverse_frequency,
    "median_frequency": _median_frequency,
    "effective_number": _effective_number,
}


def _checked(tree, counts):
    array = np.atleast_2d(np.asarray(counts))
    is_number = np.issubdtype(array.dtype, np.number) and not np.issubdtype(array.dtype, np.complexfloating)
    if array.ndim != 2 or array.shape[1] != tree.num_nodes + 1 or not is_number:
        raise ValueError(
            f"`class_weights` expects pixel counts per node and of no label, ({tree.num_nodes + 1},), or one such row "
            f"per image, as `label_counts` returns them. Received: {array.dtype} of the shape {np.shape(counts)}."
        )
    array = array[:, : tree.num_nodes].astype(np.float64)
    if not (np.isfinite(array).all() and (array >= 0).all() and array.any()):
        raise ValueError(
            "`class_weights` expects counts of at least 0, some of them above. Received: "
            f"counts={np.asarray(counts).tolist()}."
        )
    return array


def _shares(tree, counts):
    """What part of an internal node's pixels each leaf below it stands for: dict from the node to both."""
    shares = {}
    for node in range(tree.num_leaves, tree.num_nodes):
        leaves = tree.leaves(node)
        leaf_counts = counts[leaves] if counts[leaves].any() else np.ones(len(leaves))
        shares[node] = leaves, leaf_counts / leaf_counts.sum()
    return shares
