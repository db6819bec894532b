"""The terms whose weighted sum is the loss of a pixel."""

import dataclasses
from collections.abc import Callable

import numpy as np
from keras import ops

from hierseg_keras.losses.one_pass import in_one_pass, map_blocks
from hierseg_keras.tree.labels import IGNORED
from hierseg_keras.tree.ops import lazy_where


@dataclasses.dataclass(frozen=True)
class TreeTerms:
    """The terms of a loss along a tree.

    Attributes:
        function: Function of int32 node indices, `(N,)`, and logits, `(N, C)`. It returns a pair `(terms, backward)`.
            `terms` is a float tensor, `(T, N)`. `backward` maps the gradients of the terms, `(T, N)` or `(T, 1)`, to
            those of the logits, `(N, C)`.
        depths: Integer array, `(T,)`, the depth that each term belongs to, from 1.
        weights: Float array, `(T,)`, the weight of each term; `None` for ones.
    """

    function: Callable
    depths: np.ndarray
    weights: np.ndarray | None = None


def labeled_depths(tree, label):
    """Returns the depth of each label, int32 `(...)`, where a leaf counts as labeled down to depth `D`."""
    return ops.take(tree.num_levels + 1 - tree.levels, label, axis=0)


def reaches_depths(tree, label, depths):
    """Returns whether each label, `(...)`, is at least as deep as each of the depths, bool `(T, ...)`."""
    depths = np.reshape(np.asarray(depths, np.int32), (-1, *[1] * len(label.shape)))
    return labeled_depths(tree, label)[None] >= depths


def weighted_sum(tree, terms, codes, logits, factors=None):
    """Computes the weighted sum of the terms of each pixel.

    Args:
        tree: `ClassTree`.
        terms: `TreeTerms`.
        codes: Int32 codes of the labels, `(B, H, W)`; see `tree.labels`.
        logits: Float logits, `(B, H, W, C)`.
        factors: Float tensor, `(D,)`. If given, the terms of each depth are multiplied by its factor, and a pixel has
            the terms of the depths down to which it is labeled only. Defaults to `None`.

    Returns:
        Float tensor, `(B, H, W)`: 0 at ignored pixels, and NaN where a label is no node. The gradient is 0 at both.
    """

    if 0 in codes.shape:
        # Not all operations take tensors without pixels.
        return ops.sum(logits, axis=-1)

    def function(logits, codes):
        label = ops.maximum(codes, 0)
        values, backward = terms.function(label, logits)
        weights = _weights(tree, terms, label, values.dtype, factors)
        total = ops.sum(values if weights is None else values * weights, axis=0)
        gradient = backward(ops.ones_like(values[:, :1]) if weights is None else weights)
        return total, _finite_where_unlabeled(gradient, total, codes)

    return _without_others(in_one_pass(function, logits, codes), codes)


def sum_by_depth(tree, terms, codes, logits):
    """Computes the unweighted sum of the terms of each depth, `(B, H, W, D)`, depth 1 (the coarsest) first.

    Args:
        tree, terms, codes, logits: As in `weighted_sum`. The result has no gradient.
    """
    of_depth = [np.flatnonzero(terms.depths == depth) for depth in range(1, tree.num_levels + 1)]

    def function(logits, codes):
        values, _ = terms.function(ops.maximum(codes, 0), logits)
        sums = [_without_others(ops.sum(ops.take(values, places, axis=0), axis=0), codes) for places in of_depth]
        return (ops.stack(sums, axis=-1),)

    return ops.stop_gradient(map_blocks(function, logits, codes)[0])


def _finite_where_unlabeled(gradient, total, codes):
    """Makes the gradient, `(N, C)`, 0 at pixels without a node if the value of one of them is not finite.

    The backward pass multiplies the gradient at these pixels by 0. This is enough if it is finite.
    """
    is_node = codes >= 0
    is_infinite = ops.any(ops.logical_not(ops.logical_or(is_node, ops.isfinite(total))))
    return lazy_where(is_infinite, lambda: ops.where(is_node[:, None], gradient, 0.0), gradient)


def _weights(tree, terms, label, dtype, factors):
    """Returns the weights of the terms, `(T, 1)` or `(T, N)`, or `None` for ones."""
    weights = None if terms.weights is None else ops.convert_to_tensor(np.reshape(terms.weights, (-1, 1)), dtype)
    if factors is None:
        return weights
    of_terms = ops.take(ops.cast(factors, dtype), terms.depths - 1, axis=0)[:, None]
    of_terms = of_terms if weights is None else of_terms * weights
    # A factor of 0, unlike `where`, lets a NaN score reach the loss, where it is noticed.
    return ops.where(reaches_depths(tree, label, terms.depths), of_terms, 0.0)


def _without_others(values, codes):
    """Sets values to 0 at ignored pixels, and to NaN at labels that are no node."""
    return ops.where(codes == IGNORED, 0.0, ops.where(codes >= 0, values, float("nan")))
