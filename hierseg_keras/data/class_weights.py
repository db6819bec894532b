"""Class weights for losses, from pixel counts."""

import numpy as np
from numpy.typing import ArrayLike

from hierseg_keras.data.argument_checks import check_arguments
from hierseg_keras.data.leaf_counts import checked_counts, counts_of_leaves, shares_of_leaves
from hierseg_keras.tree import ClassTree, as_class_tree


def class_weights(
    tree: ClassTree | str, counts: ArrayLike, method: str = "inverse_frequency", beta: float | None = None
) -> np.ndarray:
    """Computes a weight per node from pixel counts. Rare classes get larger weights.

    Formulas, for a leaf `c` with `n_c` labeled pixels out of `N`:

        inverse_frequency:  w_c = N / n_c
        median_frequency:   w_c = median of freq over the leaves / freq_c,
                            freq_c = n_c / labeled pixels of the images in which c occurs
        effective_number:   w_c = (1 - beta) / (1 - beta ** n_c)

    All weights are then scaled by one factor so that their mean over the labeled pixels is 1. The loss therefore keeps
    its magnitude, and the learning rate need not change. The papers' weights differ from these by that factor only.

    A leaf without pixels gets the largest weight among the leaves with pixels. The pixels labeled with an internal
    node are distributed over the leaves below it, in proportion to the leaves' own pixels (equally if they have
    none). The weight of the internal node is the mean of the leaves' weights in the same proportion.

    Args:
        tree: `ClassTree`, or its text.
        counts: Array of pixel counts, `(V + 1,)`, as `label_counts` returns it; or `(images, V + 1)`, as it returns
            with `per_image=True`. The paper's median frequency needs counts per image. Without them, every class is
            assumed to occur in every image.
        method: `"inverse_frequency"` (the default), `"median_frequency"` or `"effective_number"`.
        beta: Float between 0 and 1 for `"effective_number"`. Defaults to the paper's `(N - 1) / N`.

    Returns:
        Float32 array `(V,)`, one weight per node.

    Raises:
        ValueError: If `method` is not one of these; `beta` is not between 0 and 1; or `counts` does not have one of
            these shapes, holds a negative or non-finite number, or has no labeled pixel.

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
        raise ValueError(f"`class_weights` expects a `method` among {sorted(_METHODS)}. Received: method={method!r}.")
    check_arguments("class_weights", beta=beta)
    counts = checked_counts("class_weights", tree, counts)
    shares = shares_of_leaves(tree, counts.sum(axis=0))
    leaf_counts = counts_of_leaves(tree, counts, shares)
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
    # (1 - beta) / (1 - beta ** n), computed without the cancellation that occurs for beta near 1.
    return (beta - 1) / np.expm1(counts.sum(axis=0) * np.log(beta))


_METHODS = {
    "inverse_frequency": _inverse_frequency,
    "median_frequency": _median_frequency,
    "effective_number": _effective_number,
}
METHODS = tuple(_METHODS)
