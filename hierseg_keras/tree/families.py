"""The families of a class tree as rows of a tensor: first the leaves, then one block of parents per depth."""

import functools

import numpy as np
from keras import ops

from hierseg_keras.tree.ops import kept, lazy_where


class Families:
    """Reduces over the children of all nodes at once, and copies values from parents to children.

    Tensors are *node-major*, `(nodes, pixels)`: a row holds one node's values at many pixels
    in contiguous memory. Gathering and reducing families then costs little more than reading
    them, whatever the order of a data set's classes. Rows `0 .. L - 1` are the leaves. The parents
    (`V - L` internal nodes, then the virtual root) come in `D` blocks, the deepest first, which is
    the order of node indices.

    Args:
        tree: `ClassTree`.
    """

    def __init__(self, tree):
        root = tree.num_nodes - tree.num_leaves
        depths = np.append(tree.depths[tree.num_leaves :], 0)
        ends = np.cumsum(np.bincount(tree.num_levels - 1 - depths, minlength=tree.num_levels))
        self._bounds = list(zip([0, *ends[:-1]], ends))
        self._num_leaves = tree.num_leaves
        parents = np.where(tree.parents < 0, root, tree.parents - tree.num_leaves).astype(np.int32)
        self._parents_of_leaves = parents[: tree.num_leaves]
        self._leaves_by_family = _Groups(self._parents_of_leaves, root + 1)
        self._parents_of_blocks = [parents[tree.num_leaves :][start:end] - end for start, end in self._bounds[:-1]]
        self._blocks_by_family = [
            _Groups(parents, end - start) for parents, (start, end) in zip(self._parents_of_blocks, self._bounds[1:])
        ]

    @property
    def leaves(self):
        """The indices of the leaves as a column."""
        return np.arange(self._num_leaves, dtype=np.int32)[:, None]

    def nodes(self, i):
        """Returns the nodes in block `i` as a column."""
        start, end = self._bounds[i]
        return np.arange(self._num_leaves + start, self._num_leaves + end, dtype=np.int32)[:, None]

    def split(self, rows):
        """Splits the rows of all parents into blocks."""
        return [rows[start:end] for start, end in self._bounds]

    def reduce_leaves(self, reduce, empty, leaves):
        """Reduces over the leaf children of each parent; returns blocks with `empty` for a parent without leaves."""
        return self.split(self._leaves_by_family.reduce(reduce, empty, leaves))

    def reduce_block(self, reduce, empty, i, block):
        """Reduces block `i` over families; returns the rows of block `i + 1`."""
        return self._blocks_by_family[i].reduce(reduce, empty, block)

    def sums(self, leaves):
        """Returns the sum over the leaves below each parent, as blocks. The last one has a row for the virtual root."""
        sums = self.reduce_leaves(ops.sum, 0.0, leaves)
        for i in range(1, len(sums)):
            sums[i] = sums[i] + self.reduce_block(ops.sum, 0.0, i - 1, sums[i - 1])
        return sums

    def to_leaves_from_above(self, blocks, root):
        """Subtracts, for each leaf, the values of all its ancestors from that of the virtual root.

        Args:
            blocks: Blocks of the internal nodes.
            root: Float tensor, `(N,)`.
        """
        below = [root[None]]
        for i in reversed(range(len(blocks))):
            below.insert(0, self.to_block(i, below[0]) - blocks[i])
        return self.to_leaves(below)

    def to_leaves(self, blocks):
        """Returns the value of each leaf's parent."""
        return ops.take(ops.concatenate(blocks), self._parents_of_leaves, axis=0)

    def to_block(self, i, block_above):
        """Returns, for each node in block `i`, the value of its parent in block `i + 1`."""
        return ops.take(block_above, self._parents_of_blocks[i], axis=0)


class _Groups:
    """Groups of rows. Groups of equal size are gathered together.

    This needs neither padding nor a scatter operation, which XLA runs serially.

    Args:
        group_of_row: Integer array, the group of each row.
        num_groups: Integer, number of groups. A group may be empty.
    """

    def __init__(self, group_of_row, num_groups):
        sizes = np.bincount(group_of_row, minlength=num_groups)
        members = np.split(np.argsort(group_of_row, kind="stable"), np.cumsum(sizes)[:-1])
        by_size = [np.flatnonzero(sizes == size) for size in np.unique(sizes[sizes > 0])]
        self._members = [np.stack([members[group] for group in groups]) for groups in by_size]
        self._has_empty = bool((sizes == 0).any())
        self._place = np.argsort(np.concatenate([*by_size, np.flatnonzero(sizes == 0)]))
        # All empty groups share one row.
        self._place = np.minimum(self._place, int((sizes > 0).sum())).astype(np.int32)

    def reduce(self, reduce, empty, rows):
        reduced = [reduce(ops.take(rows, members, axis=0), axis=1) for members in self._members]
        if self._has_empty:
            reduced.append(ops.full_like(rows[:1], empty))
        return ops.take(ops.concatenate(reduced), self._place, axis=0)


@functools.lru_cache(maxsize=32)
def families_of(tree):
    """Returns `Families(tree)`, made once per tree."""
    return Families(tree)


def leaves_and_blocks(tree, scores):
    """Splits node-major rows into those of the leaves and the internal nodes' blocks, the deepest first."""
    return scores[: tree.num_leaves], families_of(tree).split(scores[tree.num_leaves :])[:-1]


def max_of_blocks_and_gradient(tree, leaves, blocks):
    """Computes the largest score among each internal node and its descendants, and its gradient.

    Where n scores tie, each receives 1/n of the gradient.

    Args:
        tree: `ClassTree`.
        leaves, blocks: As `leaves_and_blocks` gives them.

    Returns:
        A pair: the largest scores, as blocks; and a function from their gradients to those of `leaves` and
        `blocks`.
    """
    families, best = families_of(tree), []
    for i, best_leaf in enumerate(families.reduce_leaves(ops.max, float("-inf"), leaves)[:-1]):
        best.append(ops.maximum(blocks[i], best_leaf))
        if i:
            best[i] = ops.maximum(best[i], families.reduce_block(ops.max, float("-inf"), i - 1, best[i - 1]))

    def backward(upstream):
        if not blocks:
            return ops.zeros_like(leaves), []
        # The virtual root is not a node and has no gradient.
        root = ops.zeros_like(leaves[:1])
        is_best_leaf = ops.cast(leaves == families.to_leaves([*best, root]), leaves.dtype)
        is_best = [ops.cast(block == largest, leaves.dtype) for block, largest in zip(blocks, best)]
        is_shared = [best[i] == families.to_block(i, best[i + 1]) for i in range(len(best) - 1)]

        def count_ties():
            ties = families.reduce_leaves(ops.sum, 0.0, is_best_leaf)[:-1]
            for i in range(len(best)):
                ties[i] = ties[i] + is_best[i]
                if i:
                    below = ops.where(is_shared[i - 1], ties[i - 1], 0)
                    ties[i] = ties[i] + families.reduce_block(ops.sum, 0.0, i - 1, below)
            return ties

        # Without ties, one score is the largest of each internal node. Their count per pixel costs less than per node.
        shared = [ops.cast(each, leaves.dtype) for each in is_shared]
        counts = sum(ops.sum(rows, axis=0) for rows in [is_best_leaf, *is_best, *shared])
        has_ties = ops.any(counts != sum(block.shape[0] for block in blocks))
        ties = lazy_where(has_ties, count_ties, [ops.ones_like(block) for block in blocks])
        # A score that is NaN has no tie.
        share = [ops.divide_no_nan(gradient, count) for gradient, count in zip(upstream, ties)]
        for i in reversed(range(len(best) - 1)):
            share[i] = share[i] + ops.where(is_shared[i], families.to_block(i, share[i + 1]), 0)
        share = kept(*share)
        to_leaves = is_best_leaf * families.to_leaves([*share, root])
        return to_leaves, [ops.where(score == largest, s, 0) for score, largest, s in zip(blocks, best, share)]

    return best, backward


@functools.lru_cache(maxsize=32)
def internal_ancestors(tree):
    """Returns the int32 array `(D - 1, V)`: the internal node of each depth on each label's path; -1 if none."""
    nodes = tree.depth_table[:-1]
    is_internal_of_depth = (nodes >= tree.num_leaves) & (tree.depths[nodes] == np.arange(1, tree.num_levels)[:, None])
    return np.where(is_internal_of_depth, nodes, -1).astype(np.int32)
