"""Tensor operations along a tree, on any Keras backend."""

import functools

import keras
from keras import ops

# The largest index that int32 holds, of 1D tensors.
LARGEST_INDEX = 2**31 - 1


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


def kept(*tensors):
    """Returns the tensors as a list, but makes XLA compute them once, instead of again wherever they are read."""
    is_nan = ops.isnan(ops.reshape(tensors[0], (-1,))[0])
    return lazy_where(is_nan, lambda: [ops.copy(tensor) for tensor in tensors], list(tensors))


def lazy_where(condition, function, value):
    """Returns `function()` if the condition holds, else `value`.

    This is a loop with at most one iteration, because XLA may compute both branches of a conditional.
    """
    return ops.while_loop(lambda again, _: again, lambda *_: (False, function()), (condition, value))[1]


def pick_channel(values, index):
    """Picks one channel's value per pixel: `values[..., n, index[..., n]]`, of `(..., N, C)` and `(..., N)`."""
    return ops.take_along_axis(values, index[..., None], axis=-1)[..., 0]


def pick_row(rows, index):
    """Selects one row per pixel: `rows[index[n], n]`, for rows `(R, N)` and an index `(N,)`."""
    num_pixels = ops.shape(rows)[1]
    if isinstance(num_pixels, int) and rows.shape[0] * num_pixels > LARGEST_INDEX:
        return ops.take_along_axis(rows, index[None], axis=0)[0]
    return ops.take(ops.reshape(rows, (-1,)), index * num_pixels + ops.arange(num_pixels, dtype="int32"))


def argmax(x):
    """Returns the index of the largest value along the last axis. If values are equal, it is the first, as in NumPy.

    It replaces `keras.ops.argmax`, which treats 0 as larger than -0 and uses bit operations that TensorFlow Lite lacks.

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


def log_softmax(x):
    """Computes the logarithm of the softmax along the last axis.

    `keras.ops.log_softmax` warns if there is only one class, which a tree may have.
    """
    return x - ops.logsumexp(x, axis=-1, keepdims=True)


def softmax(x):
    """Computes the softmax along the last axis, without the warning of `keras.ops.softmax` for a single class."""
    return ops.exp(log_softmax(x))


def sum_over_leaves(tree, leaf_values):
    """Computes the sum over the leaves below each node, channels last: `(..., L)` to `(..., V)`.

    The sum of a leaf is its own value.
    """
    if _is_flat(tree):
        return leaf_values
    return ops.concatenate([leaf_values, _internal_sums(tree, leaf_values)], axis=-1)


def sum_over_path(tree, node_values):
    """Computes the sum over each leaf's path, channels last: `(..., V)` to `(..., L)`.

    Every path has `D` terms: a leaf above depth `D` also counts once for each greater depth.
    """
    if _is_flat(tree):
        return node_values
    leaves, internal = node_values[..., : tree.num_leaves], node_values[..., tree.num_leaves :]
    times = leaf_counts(tree)
    if (times != 1).any():
        leaves = leaves * ops.convert_to_tensor(times, leaves.dtype)
    # A matrix product is used because gathering columns takes ten times as long.
    return leaves + ops.matmul(internal, ops.convert_to_tensor(is_above(tree), internal.dtype))


def sum_over_ancestors(tree, leaf_values, leaf):
    """Computes the sum over the ancestors of one leaf per pixel, where an ancestor has the sum over its own leaves.

    Args:
        tree: `ClassTree`.
        leaf_values: Float tensor, `(..., L)`.
        leaf: Int32 leaf indices, `(...)`.

    Returns:
        Float tensor, `(...)`.
    """
    if _is_flat(tree):
        return ops.zeros_like(leaf_values[..., 0])
    is_ancestor = ops.take(is_above(tree).T, leaf, axis=0)
    return ops.sum(_internal_sums(tree, leaf_values) * ops.cast(is_ancestor, leaf_values.dtype), axis=-1)


def _internal_sums(tree, leaf_values):
    return ops.matmul(leaf_values, ops.convert_to_tensor(is_above(tree).T, leaf_values.dtype))


def _is_flat(tree):
    """Returns whether a tree has no internal nodes.

    The functions above then leave out the matrix of internal nodes, which would be empty. The converters of exported
    graphs miscompute, refuse or even crash on empty matrices.
    """
    return tree.num_nodes == tree.num_leaves


def leaf_counts(tree):
    """Returns how often each leaf counts on its own path, int32 `(L,)`: once for each depth at which it stands."""
    return tree.num_levels + 1 - tree.depths[: tree.num_leaves]


@functools.lru_cache(maxsize=32)
def is_above(tree):
    """Returns the bool array `(V - L, L)`: whether an internal node is an ancestor of a leaf."""
    return tree.ancestor_matrix[tree.num_leaves :, : tree.num_leaves]
