"""Tensor operations along a tree, on any Keras backend.

Operations on families (see `families.py`) take node-major scores, `(..., V, N)`; the others take
scores with channels last. Gradients of minima and maxima are defined explicitly: if n scores tie,
each receives 1/n of the gradient.
"""

import functools

import keras
import numpy as np
from keras import ops

from hierseg_keras.tree.families import families_of


def with_gradient(function):
    """Makes a tensor function with an explicit gradient.

    Args:
        function: Function of one tensor that returns a pair `(value, backward)`. `backward` maps
            the gradient with respect to the value to the gradient with respect to the tensor.

    Returns:
        Function of one tensor, differentiable on every backend.
    """

    @ops.custom_gradient
    def differentiable(x):
        value, backward = function(x)

        def backward_of_any_backend(*args, upstream=None):
            return backward(args[0] if upstream is None else upstream)

        return value, backward_of_any_backend

    return lambda x: differentiable(ops.convert_to_tensor(x))


def node_major(y):
    """Swaps the last two axes, pixels and nodes."""

    def function(y):
        return _kept(ops.swapaxes(y, -1, -2)), lambda upstream: ops.swapaxes(_kept(upstream), -1, -2)

    return with_gradient(function)(y)


def _kept(x):
    """Returns `x`, but makes XLA compute it once, instead of again wherever its transpose is read."""
    return replaced_if(ops.isnan(ops.reshape(x, (-1,))[0]), lambda: ops.copy(x), x)


def replaced_if(condition, function, value):
    """Returns `function()` if the condition holds, else `value`.

    This is a loop with at most one iteration, as XLA may compute both branches of a conditional.
    """
    return ops.while_loop(lambda again, _: again, lambda *_: (False, function()), (condition, value))[1]


def pick_channel(values, index):
    """Returns the value of one channel per pixel, `values[..., n, index[..., n]]`, of `(..., N, C)` and `(..., N)`."""
    num_channels = values.shape[-1]
    return ops.take(ops.reshape(values, (-1,)), _pixels(index) * num_channels + index)


def pick_row(rows, index):
    """Returns the value of one row per pixel, `rows[..., index[..., n], n]`, of `(..., R, N)` and `(..., N)`."""
    num_rows, num_columns = rows.shape[-2], ops.shape(rows)[-1]
    pixel = _pixels(index)
    return ops.take(ops.reshape(rows, (-1,)), pixel + num_columns * (pixel // num_columns * (num_rows - 1) + index))


def _pixels(index):
    return ops.reshape(ops.arange(ops.size(index), dtype="int32"), ops.shape(index))


def max_over_descendants(tree, scores):
    """Computes the largest score among each node and all nodes below it.

    Args:
        tree: `ClassTree`.
        scores: Float tensor, `(..., V, N)`.

    Returns:
        Float tensor, `(..., V, N)`. If n scores tie, each receives 1/n of the gradient.

    Example:

    >>> tree = ClassTree.from_text("human\\n\\tperson\\n\\trider")
    >>> best = max_over_descendants(tree, [[1.0], [3.0], [2.0]])     # person, rider, human
    >>> ops.convert_to_numpy(best).tolist()
    [[1.0], [3.0], [3.0]]
    """

    def function(scores):
        leaves, blocks = leaves_and_blocks(tree, scores)
        best, backward = max_of_blocks_and_gradient(tree, leaves, blocks)

        def joined_backward(upstream):
            to_leaves, to_blocks = leaves_and_blocks(tree, upstream)
            from_blocks, to_blocks = backward(to_blocks)
            return ops.concatenate([to_leaves + from_blocks, *to_blocks], axis=-2)

        return ops.concatenate([leaves, *best], axis=-2), joined_backward

    return with_gradient(function)(scores)


def leaves_and_blocks(tree, scores):
    """Splits node-major rows into those of the leaves and the blocks of internal nodes, the deepest first."""
    return scores[..., : tree.num_leaves, :], families_of(tree).split(scores[..., tree.num_leaves :, :])[:-1]


def max_of_blocks_and_gradient(tree, leaves, own):
    """Computes the largest score at or below each internal node, and the gradient function.

    Args:
        tree: `ClassTree`.
        leaves, own: As returned by `leaves_and_blocks`.

    Returns:
        A pair `(best, backward)`. `best` is a list of blocks. `backward` maps the gradients of the
        blocks to a pair, the gradients of `leaves` and of `own`.
    """
    families, best = families_of(tree), []
    for i, best_leaf in enumerate(families.reduce_leaves(ops.max, float("-inf"), leaves)[:-1]):
        best.append(ops.maximum(own[i], best_leaf))
        if i:
            best[i] = ops.maximum(best[i], families.reduce_block(ops.max, float("-inf"), i - 1, best[i - 1]))

    def backward(upstream):
        # The virtual root is not a node and has no gradient.
        root = ops.zeros_like(leaves[..., :1, :])
        is_best_leaf = leaves == families.to_leaves([*best, root])
        ties = families.reduce_leaves(ops.sum, 0.0, ops.cast(is_best_leaf, leaves.dtype))
        is_shared = [best[i] == families.to_block(i, best[i + 1]) for i in range(len(best) - 1)]
        for i in range(len(best)):
            ties[i] = ties[i] + ops.cast(own[i] == best[i], leaves.dtype)
            if i:
                below = ops.where(is_shared[i - 1], ties[i - 1], 0)
                ties[i] = ties[i] + families.reduce_block(ops.sum, 0.0, i - 1, below)
        share = [gradient / count for gradient, count in zip(upstream, ties)]
        for i in reversed(range(len(best) - 1)):
            share[i] = share[i] + ops.where(is_shared[i], families.to_block(i, share[i + 1]), 0)
        to_leaves = ops.where(is_best_leaf, families.to_leaves([*share, root]), 0)
        return to_leaves, [ops.where(o == b, s, 0) for o, b, s in zip(own, best, share)]

    return best, backward


def min_along_path_and_gradient(own):
    """Computes the smallest score from the top of a path down to each of its steps, and the gradient function.

    Args:
        own: List of float tensors of one shape, the score of each step, the top first.

    Returns:
        A pair `(least, backward)`. `least` is a list of the same length. `backward` maps a list of
        gradients of `least` to the list of gradients of `own`.
    """
    stacked = ops.stack(own)
    # One reduction per step instead of a running minimum: XLA stores the result of a reduction and does not compute
    # it again wherever it is broadcast.
    least = [ops.min(stacked[: step + 1], axis=0) for step in range(len(own))]

    def backward(upstream):
        is_shared = [None] + [below == above for above, below in zip(least, least[1:])]
        ties = [ops.cast(score == value, value.dtype) for score, value in zip(own, least)]
        for step in range(1, len(own)):
            ties[step] = ties[step] + ops.where(is_shared[step], ties[step - 1], 0)
        share = [gradient / count for gradient, count in zip(upstream, ties)]
        for step in reversed(range(1, len(own))):
            share[step - 1] = share[step - 1] + ops.where(is_shared[step], share[step], 0)
        return [ops.where(score == value, s, 0) for score, value, s in zip(own, least, share)]

    return least, backward


def argmax(x):
    """Returns the index of the largest value along the last axis, and of equal values the first, as NumPy does.

    `keras.ops.argmax` treats 0 as larger than -0, and uses bit operations that TensorFlow Lite does not have.

    Args:
        x: Float tensor, `(..., C)`.

    Returns:
        Int32 tensor, `(...)`.

    Example:

    >>> ops.convert_to_numpy(argmax([[-0.0, 0.0], [1.0, 2.0]])).tolist()
    [0, 1]
    """
    if keras.backend.backend() == "tensorflow" and not isinstance(x, keras.KerasTensor):
        import tensorflow as tf

        return tf.argmax(x, axis=-1, output_type=tf.int32)
    return ops.cast(ops.argmax(ops.add(x, 0.0), axis=-1), "int32")


def sum_over_leaves(tree, leaf_values):
    """Computes the sum over the leaves below each internal node, channels last: `(..., L)` to `(..., V - L)`."""
    return ops.matmul(leaf_values, ops.convert_to_tensor(is_above(tree).T, leaf_values.dtype))


def sum_over_path(tree, node_values):
    """Computes the sum over each leaf's path, channels last: `(..., V)` to `(..., L)`.

    Every path has `D` terms: a leaf above depth `D` also counts once for each greater depth.
    """
    leaves, internal = node_values[..., : tree.num_leaves], node_values[..., tree.num_leaves :]
    times = tree.num_levels - is_above(tree).sum(axis=0)
    if (times != 1).any():
        leaves = leaves * ops.convert_to_tensor(times, leaves.dtype)
    # A matrix product, as gathering columns takes ten times as long.
    return leaves + ops.matmul(internal, ops.convert_to_tensor(is_above(tree), internal.dtype))


@functools.lru_cache(maxsize=32)
def is_above(tree):
    """Returns the bool array `(V - L, L)`: whether an internal node is an ancestor of a leaf."""
    return tree.ancestor_matrix[tree.num_leaves :, : tree.num_leaves]


@functools.lru_cache(maxsize=32)
def internal_ancestors(tree):
    """Returns the int32 array `(D - 1, V)`: the internal node of each depth on each label's path; -1 if none."""
    nodes = tree.depth_table[:-1]
    is_internal_of_depth = (nodes >= tree.num_leaves) & (tree.depths[nodes] == np.arange(1, tree.num_levels)[:, None])
    return np.where(is_internal_of_depth, nodes, -1).astype(np.int32)
