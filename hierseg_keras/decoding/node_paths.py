"""The best path of node scores, without the probabilities of leaves that cannot win."""

import functools

import keras
from keras import ops

from hierseg_keras.tree.ops import argmax, leaf_counts


def best_node_path(scores, y_pred):
    """Finds the path with the largest sum of probabilities in each pixel.

    The paths of leaves with the same parent differ only in the leaf. The largest score among these leaves therefore
    decides, and only its probability is computed. Of paths with equal sums, the one whose leaf comes first wins.

    Args:
        scores: `Scores` of nodes.
        y_pred: Float scores, `(..., V)`.

    Returns:
        Pair `(leaf, score)`: int32 leaf indices, `(...)`, and float sums, `(...)`.
    """
    tree, y_pred = scores.tree, scores.checked(y_pred)
    activate = ops.sigmoid if scores.are_logits else lambda x: x
    if tree.num_nodes == tree.num_leaves:
        return argmax(y_pred), activate(ops.max(y_pred, axis=-1))
    channel, restore = _channels(y_pred)
    sums = {-1: 0.0}
    # Parents come after their children.
    for node in reversed(range(tree.num_leaves, tree.num_nodes)):
        sums[node] = sums[int(tree.parents[node])] + activate(channel(node))
    best = None
    for parent, leaves in _families(tree).items():
        value, leaf = _largest(channel, leaves)
        found = sums[parent] + activate(value) * float(leaf_counts(tree)[leaves[0]]), leaf
        best = found if best is None else _better(*best, *found)
    score, leaf = best
    return restore(leaf), restore(score)


@functools.lru_cache(maxsize=32)
def _families(tree):
    """Returns a dict from the parents of leaves to their leaves. The parent of nodes without one is -1."""
    found = {}
    for leaf, parent in enumerate(tree.parents[: tree.num_leaves].tolist()):
        found.setdefault(parent, []).append(leaf)
    return found


def _channels(x):
    """Returns a function that takes the index of a channel and returns its values, and one that restores their shape.

    XLA reads a channel inside the loop that uses it. TensorFlow's kernels need each channel in contiguous memory.
    """
    if keras.backend.backend() != "tensorflow" or isinstance(x, keras.KerasTensor):
        return lambda index: x[..., index], lambda values: values
    rows = ops.transpose(ops.reshape(x, (-1, x.shape[-1])))
    return lambda index: rows[index], lambda values: ops.reshape(values, ops.shape(x)[:-1])


def _largest(channel, leaves):
    """Returns the largest score of the leaves, and the index of its leaf; of equal scores, the first."""
    value = channel(leaves[0])
    best = ops.full_like(value, leaves[0], dtype="int32")
    for leaf in leaves[1:]:
        x = channel(leaf)
        # A maximum, because it is NaN if a score is.
        best, value = ops.where(x > value, leaf, best), ops.maximum(value, x)
    return value, best


def _better(score, leaf, other_score, other_leaf):
    is_equal = ops.logical_and(other_score == score, other_leaf < leaf)
    is_better = ops.logical_or(other_score > score, is_equal)
    return ops.maximum(score, other_score), ops.where(is_better, other_leaf, leaf)
