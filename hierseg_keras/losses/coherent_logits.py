"""Makes scores coherent along a class tree (HSSN, eq. 4). It works on logits because the sigmoid is monotone."""

import numpy as np
from keras import ops

from hierseg_keras.tree.families import families_of, internal_ancestors, leaves_and_blocks, max_of_blocks_and_gradient
from hierseg_keras.tree.ops import lazy_where, pick_row


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
    path = _Path(tree, label)
    leaves, blocks = leaves_and_blocks(tree, logits)
    best, best_backward = max_of_blocks_and_gradient(tree, leaves, blocks)
    least, least_backward = min_along_path_and_gradient(path.values(logits, empty=float("inf")))

    def backward(upstream):
        to_leaves, to_blocks = leaves_and_blocks(tree, upstream)
        to_path = [-value for value in least_backward(path.values(upstream, empty=0.0))]
        from_best, to_blocks = best_backward(path.put_on_blocks([0.0] * tree.num_levels, to_blocks))
        return ops.concatenate(
            [path.put_on_leaves(to_path, to_leaves + from_best), *path.put_on_blocks(to_path, to_blocks)]
        )

    errors = [-value for value in least]
    errors = ops.concatenate([path.put_on_leaves(errors, leaves), *path.put_on_blocks(errors, best)])
    return _without_unknown(tree, label, errors), backward


def independent_error_logits(tree, label, logits):
    """Computes the logit of the wrong decision for each node, as `coherent_error_logits` without coherence (eq. 2)."""

    path = _Path(tree, label)

    def signed(rows):
        leaves, blocks = leaves_and_blocks(tree, rows)
        negative = [-values for values in [*blocks[::-1], leaves]]
        return ops.concatenate([path.put_on_leaves(negative, leaves), *path.put_on_blocks(negative, blocks)])

    return _without_unknown(tree, label, signed(logits)), signed


def _without_unknown(tree, label, errors):
    """Sets the rows of nodes below an internal label to -inf. Labels that are leaves cost nothing."""

    def known():
        # Whether a node is below the label.
        is_below = tree.ancestor_matrix & ~np.eye(tree.num_nodes, dtype=bool)
        return ops.where(ops.take(is_below.T, label, axis=1), float("-inf"), errors)

    return lazy_where(ops.any(label >= tree.num_leaves), known, errors)


class _Path:
    """Locates the nodes of each pixel's path.

    The values of a path are a list of `D` tensors: one per depth for its internal nodes, and the last for its leaf.

    Args:
        tree: `ClassTree`.
        label: Integer node labels, `(N,)`.
    """

    def __init__(self, tree, label):
        self._families, self._label = families_of(tree), label
        self._internal = [ops.take(nodes, label, axis=0) for nodes in internal_ancestors(tree)]
        self._leaf = ops.where(label < tree.num_leaves, label, -1)

    def values(self, rows, empty):
        """Returns the values of the path, of rows `(V, N)`. They are `empty` where it has no such node."""
        return [
            ops.where(node >= 0, pick_row(rows, ops.maximum(node, 0)), empty) for node in (*self._internal, self._leaf)
        ]

    def put_on_leaves(self, values, leaves):
        """Returns the rows of the leaves with that of the path replaced."""
        return ops.where(self._families.leaves == self._label, values[-1], leaves)

    def put_on_blocks(self, values, blocks):
        """Returns the blocks of internal nodes, the deepest first, with the nodes of the path replaced."""
        of_depths = list(zip(self._internal, values))[::-1]
        return [
            ops.where(self._families.nodes(i) == node, value, block)
            for i, ((node, value), block) in enumerate(zip(of_depths, blocks))
        ]


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
