"""Makes scores coherent along a class tree (HSSN, eq. 4). It works on logits because the sigmoid is monotone."""

import numpy as np
from keras import ops

from hierseg_keras.tree.families import (
    families_of,
    internal_ancestors,
    leaves_and_blocks,
    max_of_blocks_and_gradient,
)


def coherent_error_logits(tree, label, logits):
    """Computes the coherent logit of the wrong decision for each node.

    For a node on the label's path, the coherent logit is the smallest among the node and its ancestors. The
    wrong decision is "no", so that the result is its negative. For a node off the path, the coherent logit is
    the largest among the node and its descendants. The wrong decision is "yes", so that it is the result.

    Args:
        tree: `ClassTree`.
        label: Integer node labels, `(N,)`, in `[0, V)`.
        logits: Float node logits, `(V, N)`.

    Returns:
        A pair `(errors, backward)`. `errors` is a float tensor, `(V, N)`. It is -inf for nodes below an internal label,
        because they are unknown. `backward` maps its gradient to that of `logits`.
    """
    leaves, blocks = leaves_and_blocks(tree, logits)
    path = _Path(tree, label)
    best, best_backward = max_of_blocks_and_gradient(tree, leaves, blocks)
    least, least_backward = min_along_path_and_gradient(path.values(leaves, blocks, empty=float("inf")))

    def backward(upstream):
        to_leaves, to_blocks = leaves_and_blocks(tree, upstream)
        to_path = least_backward(path.values(to_leaves, to_blocks, empty=0.0))
        from_best, to_blocks = best_backward(path.put([0.0] * tree.num_levels, to_leaves, to_blocks)[1])
        return _joined(path.put([-value[..., None, :] for value in to_path], to_leaves + from_best, to_blocks))

    rows, blocks = path.put([-value[..., None, :] for value in least], leaves, best)
    return ops.concatenate(path.put_below(float("-inf"), rows, blocks), axis=-2), backward


def independent_error_logits(tree, label, logits):
    """Computes the logit of the wrong decision for each node, as `coherent_error_logits` without coherence (eq. 2)."""
    path = _Path(tree, label)

    def signed(rows):
        leaves, blocks = leaves_and_blocks(tree, rows)
        return path.put([-values for values in [*reversed(blocks), leaves]], leaves, blocks)

    errors = ops.concatenate(path.put_below(float("-inf"), *signed(logits)), axis=-2)
    return errors, lambda upstream: _joined(signed(upstream))


def _joined(leaves_and_blocks):
    leaves, blocks = leaves_and_blocks
    return ops.concatenate([leaves, *blocks], axis=-2)


class _Path:
    """Locates the nodes of each pixel's path in tensors of leaves and of internal nodes.

    The values of a path are a list of `D` tensors: one per depth for its internal nodes, and the last for its leaf.

    Args:
        tree: `ClassTree`.
        label: Integer node labels, `(..., N)`.
    """

    def __init__(self, tree, label):
        self.families, self.num_leaves, self.label = families_of(tree), tree.num_leaves, label
        # In the order of the blocks, the deepest first.
        self.internal = [ops.take(nodes, label, axis=0) for nodes in internal_ancestors(tree)[::-1]]
        self.is_leaf = np.arange(tree.num_leaves, dtype=np.int32)[:, None] == label[..., None, :]
        self.is_internal = [self.families.nodes(i) == node[..., None, :] for i, node in enumerate(self.internal)]

    def values(self, leaves, blocks, empty):
        """Returns the values of the path. They are `empty` at depths where it has no internal node, or no leaf."""
        internal = [
            ops.where(node >= 0, pick_row(block, ops.maximum(node - self.families.nodes(i)[0, 0], 0)), empty)
            for i, (node, block) in enumerate(zip(self.internal, blocks))
        ]
        leaf = pick_row(leaves, ops.minimum(self.label, self.num_leaves - 1))
        return [*reversed(internal), ops.where(self.label < self.num_leaves, leaf, empty)]

    def put(self, values, leaves, blocks):
        """Returns the rows with the nodes of the path replaced by `values`."""
        *internal, leaf = values
        on_blocks = zip(self.is_internal, reversed(internal), blocks)
        return ops.where(self.is_leaf, leaf, leaves), [ops.where(*rows) for rows in on_blocks]

    def put_below(self, value, leaves, blocks):
        """Returns the rows with the nodes below an internal label replaced by `value`."""
        at_or_below, known = [ops.zeros_like(self.is_leaf[..., :1, :])], []
        for i in reversed(range(len(blocks))):
            is_below = self.families.to_block(i, at_or_below[0])
            is_label = self.families.nodes(i) == self.label[..., None, :]
            at_or_below.insert(0, ops.logical_or(is_below, is_label))
            known.insert(0, ops.where(is_below, value, blocks[i]))
        return [ops.where(self.families.to_leaves(at_or_below), value, leaves), *known]


def min_along_path_and_gradient(scores):
    """Computes the smallest score from the start of a path to each step, and its gradient.

    If n scores tie, each receives 1/n of the gradient.

    Args:
        scores: List of float tensors of one shape, the score of each step.

    Returns:
        A pair `(least, backward)`. `least` is a list of the same length. `backward` maps a list of
        gradients of `least` to the list of gradients of `scores`.
    """
    stacked = ops.stack(scores)
    # Each step reduces again from the start instead of reusing the previous minimum. XLA stores the result of a
    # reduction, but would recompute an elementwise minimum wherever it is broadcast.
    least = [ops.min(stacked[: step + 1], axis=0) for step in range(len(scores))]

    def backward(upstream):
        is_shared = [None] + [below == above for above, below in zip(least, least[1:])]
        ties = [ops.cast(score == value, value.dtype) for score, value in zip(scores, least)]
        for step in range(1, len(scores)):
            ties[step] = ties[step] + ops.where(is_shared[step], ties[step - 1], 0)
        share = [gradient / count for gradient, count in zip(upstream, ties)]
        for step in reversed(range(1, len(scores))):
            share[step - 1] = share[step - 1] + ops.where(is_shared[step], share[step], 0)
        return [ops.where(score == value, s, 0) for score, value, s in zip(scores, least, share)]

    return least, backward


def pick_row(rows, index):
    """Selects one row per pixel: `rows[..., index[..., n], n]`, for rows `(..., R, N)` and an index `(..., N)`."""
    num_rows, num_columns = rows.shape[-2], ops.shape(rows)[-1]
    pixel = ops.reshape(ops.arange(ops.size(index), dtype="int32"), ops.shape(index))
    return ops.take(ops.reshape(rows, (-1,)), pixel + num_columns * (pixel // num_columns * (num_rows - 1) + index))
