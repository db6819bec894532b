"""The few tensor operations along a tree, on any Keras backend.

Scores here are *node-major*, `(V, N)`: one row a node, one column a pixel. A row is one block of
memory, so that gathering families and reducing over them costs no more than reading them, in
whatever order a data set numbers its classes.
"""

import functools

import numpy as np
from keras import ops


class _DepthBlocks:
    """The rows of a node-major tensor, one block a depth, and each row's parent in the block above."""

    def __init__(self, tree):
        self.rows = [np.flatnonzero(tree.depths == depth + 1) for depth in range(tree.num_levels)]
        position = np.empty(tree.num_nodes, np.int32)
        for rows in self.rows:
            position[rows] = np.arange(len(rows))
        self.parents = [None] + [position[tree.parents[rows]] for rows in self.rows[1:]]
        self._restore = np.argsort(np.concatenate(self.rows))

    def split(self, x):
        return [ops.take(x, rows, axis=0) for rows in self.rows]

    def join(self, blocks):
        return ops.take(ops.concatenate(blocks, axis=0), self._restore, axis=0)

    def from_parents(self, parent_values, depth):
        return ops.take(parent_values, self.parents[depth], axis=0)

    def to_parents(self, reduce, values, depth):
        return reduce(values, self.parents[depth], num_segments=len(self.rows[depth - 1]))


@functools.lru_cache(maxsize=32)
def _blocks_of(tree):
    return _DepthBlocks(tree)


def max_over_descendants(tree, scores):
    """The largest score among each node and all nodes below it.

    Where n scores tie, each receives 1/n of the gradient.

    Args:
        tree: `ClassTree`.
        scores: Float tensor, `(V, N)`.

    Returns:
        Float tensor, `(V, N)`.

    Example:

    >>> tree = ClassTree.from_text("human\\n\\tperson\\n\\trider")
    >>> best = max_over_descendants(tree, [[1.0], [3.0], [2.0]])     # person, rider, human
    >>> ops.convert_to_numpy(best).tolist()
    [[1.0], [3.0], [3.0]]
    """
    blocks = _blocks_of(tree)
    depths = range(tree.num_levels - 1, 0, -1)

    @ops.custom_gradient
    def forward(scores):
        own = blocks.split(scores)
        best = list(own)
        for d in depths:
            best[d - 1] = ops.maximum(own[d - 1], blocks.to_parents(ops.segment_max, best[d], d))

        def backward(*args, upstream=None):
            upstream = blocks.split(args[0] if upstream is None else upstream)
            ties = [_as(own[0].dtype, own_d == best_d) for own_d, best_d in zip(own, best)]
            is_shared = [None] * len(own)
            for d in depths:
                is_shared[d] = best[d] == blocks.from_parents(best[d - 1], d)
                below = ops.where(is_shared[d], ties[d], 0)
                ties[d - 1] = ties[d - 1] + blocks.to_parents(ops.segment_sum, below, d)
            share = [gradient / count for gradient, count in zip(upstream, ties)]
            for d in reversed(depths):
                share[d] = share[d] + ops.where(is_shared[d], blocks.from_parents(share[d - 1], d), 0)
            return blocks.join([ops.where(o == b, s, 0) for o, b, s in zip(own, best, share)])

        return blocks.join(best), backward

    return forward(ops.convert_to_tensor(scores))


def min_over_ancestors(tree, scores):
    """The smallest score among each node and all nodes above it.

    Where n scores tie, each receives 1/n of the gradient.

    Args:
        tree: `ClassTree`.
        scores: Float tensor, `(V, N)`.

    Returns:
        Float tensor, `(V, N)`.

    Example:

    >>> tree = ClassTree.from_text("human\\n\\tperson\\n\\trider")
    >>> least = min_over_ancestors(tree, [[1.0], [3.0], [2.0]])      # person, rider, human
    >>> ops.convert_to_numpy(least).tolist()
    [[1.0], [2.0], [2.0]]
    """
    blocks = _blocks_of(tree)
    depths = range(1, tree.num_levels)

    @ops.custom_gradient
    def forward(scores):
        own = blocks.split(scores)
        least = list(own)
        for d in depths:
            least[d] = ops.minimum(own[d], blocks.from_parents(least[d - 1], d))

        def backward(*args, upstream=None):
            upstream = blocks.split(args[0] if upstream is None else upstream)
            ties = [_as(own[0].dtype, own_d == least_d) for own_d, least_d in zip(own, least)]
            is_shared = [None] * len(own)
            for d in depths:
                is_shared[d] = least[d] == blocks.from_parents(least[d - 1], d)
                ties[d] = ties[d] + ops.where(is_shared[d], blocks.from_parents(ties[d - 1], d), 0)
            share = [gradient / count for gradient, count in zip(upstream, ties)]
            for d in reversed(depths):
                below = ops.where(is_shared[d], share[d], 0)
                share[d - 1] = share[d - 1] + blocks.to_parents(ops.segment_sum, below, d)
            return blocks.join([ops.where(o == b, s, 0) for o, b, s in zip(own, least, share)])

        return blocks.join(least), backward

    return forward(ops.convert_to_tensor(scores))


def sum_over_leaves(tree, leaf_values):
    """Each node's sum over the leaves at or below it, channels last: `(..., L)` to `(..., V)`."""
    membership = tree.ancestor_matrix[:, : tree.num_leaves].T
    return ops.matmul(leaf_values, ops.convert_to_tensor(membership, leaf_values.dtype))


def sum_over_path(tree, node_values):
    """Each leaf's sum over its path, channels last: `(..., V)` to `(..., L)`.

    Every path has `D` terms: a leaf above depth `D` counts once for every depth that it stands for.
    """
    total = 0
    for nodes in tree.depth_table[:, : tree.num_leaves]:
        total = total + ops.take(node_values, nodes, axis=-1)
    return total


def _as(dtype, condition):
    return ops.cast(condition, dtype)
