"""The few tensor operations along a tree, on any Keras backend.

Scores are node-major, `(..., V, N)`, where an operation works on families (see `families.py`),
and channels last where it does not. Gradients of extrema are written out: where n scores tie,
each receives 1/n.
"""

import functools

import keras
import numpy as np
from keras import ops

from hierseg_keras.tree.families import families_of


def with_gradient(function):
    """A tensor function whose gradient is written out.

    Args:
        function: Takes one tensor; returns its value and `backward`, which takes the gradient of
            the value and returns that of the tensor.

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
    """Swaps the last two axes: pixels and nodes."""

    def function(y):
        return _kept(ops.swapaxes(y, -1, -2)), lambda upstream: ops.swapaxes(_kept(upstream), -1, -2)

    return with_gradient(function)(y)


def _kept(x):
    """`x` itself; but XLA works it out once, not anew across the rows wherever its transpose is read."""
    return replaced_if(ops.isnan(ops.reshape(x, (-1,))[0]), lambda: ops.copy(x), x)


def replaced_if(condition, function, value):
    """`function()` where the condition holds, else `value`.

    A loop of one turn or none: of a conditional, XLA may work out both sides.
    """
    return ops.while_loop(lambda again, _: again, lambda *_: (False, function()), (condition, value))[1]


def pick_channel(values, index):
    """One channel's value a pixel: `values[..., n, index[..., n]]`, of `(..., N, C)` and `(..., N)`."""
    num_channels = values.shape[-1]
    return ops.take(ops.reshape(values, (-1,)), _pixels(index) * num_channels + index)


def pick_row(rows, index):
    """One row's value a pixel: `rows[..., index[..., n], n]`, of `(..., R, N)` and `(..., N)`."""
    num_rows, num_columns = rows.shape[-2], ops.shape(rows)[-1]
    pixel = _pixels(index)
    return ops.take(ops.reshape(rows, (-1,)), pixel + num_columns * (pixel // num_columns * (num_rows - 1) + index))


def _pixels(index):
    return ops.reshape(ops.arange(ops.size(index), dtype="int32"), ops.shape(index))


def max_over_descendants(tree, scores):
    """The largest score among each node and all nodes below it.

    Args:
        tree: `ClassTree`.
        scores: Float tensor, `(..., V, N)`.

    Returns:
        Float tensor, `(..., V, N)`. Where n scores tie, each receives 1/n of the gradient.

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
    """Node-major rows as those of the leaves and the internal nodes' blocks, the deepest first."""
    return scores[..., : tree.num_leaves, :], families_of(tree).split(scores[..., tree.num_leaves :, :])[:-1]


def max_of_blocks_and_gradient(tree, leaves, own):
    """Each internal node's largest score, as blocks, and the function from its gradient to the scores'.

    Args:
        tree: `ClassTree`.
        leaves, own: As `leaves_and_blocks` gives them.

    Returns:
        A pair: the blocks; and a function from their gradients to a pair, those of `leaves` and `own`.
    """
    families, best = families_of(tree), []
    for i, best_leaf in enumerate(families.reduce_leaves(ops.max, float("-inf"), leaves)[:-1]):
        best.append(ops.maximum(own[i], best_leaf))
        if i:
            best[i] = ops.maximum(best[i], families.reduce_block(ops.max, float("-inf"), i - 1, best[i - 1]))

    def backward(upstream):
        # The virtual root is no node: nothing flows from it.
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
    """The least score down to each step of a path, and the function from its gradient to the scores'.

    Args:
        own: List of float tensors of one shape, each step's own score.

    Returns:
        A pair: the least scores, a list as long; and a function between lists of gradients.
    """
    stacked = ops.stack(own)
    # A reduction each, although the last one's result would do: XLA keeps it instead of working it out
    # again wherever it is broadcast.
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
    """Finds the index of the largest value along the last axis, the first of equal ones, as NumPy does.

    `keras.ops.argmax` takes 0 for larger than -0, by operations on bits that TensorFlow Lite does not have.

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
    """Each internal node's sum over the leaves below it, channels last: `(..., L)` to `(..., V - L)`."""
    return ops.matmul(leaf_values, ops.convert_to_tensor(is_above(tree).T, leaf_values.dtype))


def sum_over_path(tree, node_values):
    """Each leaf's sum over its path, channels last: `(..., V)` to `(..., L)`.

    Every path has `D` terms: a leaf above depth `D` counts once for every depth that it stands for.
    """
    leaves, internal = node_values[..., : tree.num_leaves], node_values[..., tree.num_leaves :]
    times = tree.num_levels - is_above(tree).sum(axis=0)
    if (times != 1).any():
        leaves = leaves * ops.convert_to_tensor(times, leaves.dtype)
    # A product of matrices, as gathering columns takes ten times as long.
    return leaves + ops.matmul(internal, ops.convert_to_tensor(is_above(tree), internal.dtype))


@functools.lru_cache(maxsize=32)
def is_above(tree):
    """`(V - L, L)` bool: whether an internal node is an ancestor of a leaf."""
    return tree.ancestor_matrix[tree.num_leaves :, : tree.num_leaves]


@functools.lru_cache(maxsize=32)
def internal_ancestors(tree):
    """`(D - 1, V)` int32: each label's internal node of a depth on its path; -1 where there is none."""
    nodes = tree.depth_table[:-1]
    is_internal_of_depth = (nodes >= tree.num_leaves) & (tree.depths[nodes] == np.arange(1, tree.num_levels)[:, None])
    return np.where(is_internal_of_depth, nodes, -1).astype(np.int32)
