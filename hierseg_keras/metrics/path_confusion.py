"""The counts from which every level's figures are read: labels by predicted leaves."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.tree import check_ignore_class

# One count is `high * _BASE + low`. JAX has no 64-bit integers unless asked, and with this base
# neither half overflows 32 bits: not when 127 replicas are summed, not below 2^55 pixels.
_BASE = 1 << 24


class PathConfusion:
    """Counts pixels by label (`V` nodes) and predicted leaf (`L`) in a metric's variables.

    One matrix holds every level: a label's and a leaf's class at any level are looked up in the
    tree when the counts are read.

    Args:
        metric: The `keras.metrics.Metric` that owns the variables.
        tree: `ClassTree`.
        ignore_class: Integer label that is not counted.
    """

    def __init__(self, metric, tree, ignore_class):
        self.tree = tree
        self.ignore_class = check_ignore_class(type(metric).__name__, tree, ignore_class)
        dtype = "int64" if keras.backend.backend() == "tensorflow" else "int32"
        shape = (tree.num_nodes, tree.num_leaves)
        self._low = metric.add_variable(shape, "zeros", dtype=dtype, name="confusion_low")
        self._high = metric.add_variable(shape, "zeros", dtype=dtype, name="confusion_high")
        self._invalid = metric.add_variable((), "zeros", dtype=dtype, name="invalid_pixels")

    def update(self, y_true, leaf, is_finite, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`.
            leaf: Integer predicted leaves, `(B, H, W)`.
            is_finite: Bool, `(B, H, W)`: whether the prediction means anything.
            sample_weight: Optional, `(B,)` or `(B, H, W)`; pixels of weight 0 are left out.
        """
        label = ops.reshape(ops.cast(y_true, "int32"), ops.shape(leaf))
        counted = label != self.ignore_class
        if sample_weight is not None:
            weight = ops.convert_to_tensor(sample_weight)
            weight = ops.reshape(weight, (-1, 1, 1)) if len(weight.shape) == 1 else ops.reshape(weight, ops.shape(leaf))
            counted = ops.logical_and(counted, weight != 0)
        is_node = ops.logical_and(label >= 0, label < self.tree.num_nodes)
        valid = ops.logical_and(counted, ops.logical_and(is_node, is_finite))
        cells = self.tree.num_nodes * self.tree.num_leaves
        # What is not counted falls into one cell more, which is cut off.
        cell = ops.where(valid, label * self.tree.num_leaves + leaf, cells)
        cell = ops.reshape(cell, (-1,))
        batch = ops.segment_sum(ops.ones_like(cell), cell, num_segments=cells + 1)[:cells]
        batch = ops.cast(ops.reshape(batch, self._low.shape), self._low.dtype)
        low = self._low + batch
        self._high.assign(self._high + low // _BASE)
        self._low.assign(low % _BASE)
        invalid = ops.logical_and(counted, ops.logical_not(valid))
        self._invalid.assign(self._invalid + ops.sum(ops.cast(invalid, self._invalid.dtype)))

    def has_invalid(self):
        """Whether a counted pixel had a label outside the tree or a prediction that is not finite."""
        return self._invalid > 0

    def level_counts(self, level):
        """Intersection, labelled and predicted pixels of each class of a level: three `(C,)` floats."""
        confusion = ops.cast(self._high, "float32") * _BASE + ops.cast(self._low, "float32")
        rows, label_class, leaf_class, num_classes = self._level_classes(level)
        confusion = ops.take(confusion, rows, axis=0)
        same = label_class[:, None] == leaf_class[None, :]

        def per_class(values, classes):
            return ops.segment_sum(values, classes, num_segments=num_classes)

        return (
            per_class(ops.sum(ops.where(same, confusion, 0.0), axis=1), label_class),
            per_class(ops.sum(confusion, axis=1), label_class),
            per_class(ops.sum(confusion, axis=0), leaf_class),
        )

    def exact_level_counts(self, level):
        """`level_counts` as int64 NumPy arrays, exact however large."""
        high, low = (ops.convert_to_numpy(v).astype(np.int64) for v in (self._high, self._low))
        rows, label_class, leaf_class, num_classes = self._level_classes(level)
        confusion = np.zeros((num_classes, num_classes), np.int64)
        np.add.at(confusion, (label_class[:, None], leaf_class[None, :]), (high * _BASE + low)[rows])
        return np.diag(confusion), confusion.sum(1), confusion.sum(0)

    def _level_classes(self, level):
        """The labels fine enough for the level, their classes' positions, the leaves', and how many."""
        classes = self.tree.level_classes(level)
        table = self.tree.level_table[level - 1]
        rows = np.flatnonzero(table >= 0)
        position = np.searchsorted(classes, table)
        return rows, position[rows], position[: self.tree.num_leaves], len(classes)
