"""A confusion matrix of labels and predicted leaves, from which the metrics of every level are computed."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.metrics.pixel_counter import PixelCounter
from hierseg_keras.tree import ClassTree


class PathConfusion:
    """Counts pixels per label (`V` nodes) and predicted leaf (`L`) in variables of a metric.

    One matrix is sufficient for all levels, because the tree determines the class of a label and of a
    leaf at each level.

    Args:
        metric: The `keras.metrics.Metric` that owns the variables.
        tree: `ClassTree`.
    """

    def __init__(self, metric: keras.metrics.Metric, tree: ClassTree):
        self.tree = tree
        self._counter = PixelCounter(metric, (tree.num_nodes, tree.num_leaves), "confusion")

    @property
    def levels(self) -> range:
        """The levels, from 1 (finest)."""
        return range(1, self.tree.num_levels + 1)

    def update(self, label, leaf, is_counted) -> None:
        """Adds a batch.

        Args:
            label: Int32 node indices, `(B, H, W)`.
            leaf: Int32 predicted leaves, `(B, H, W)`.
            is_counted: Bool, `(B, H, W)`.
        """
        cells = self.tree.num_nodes * self.tree.num_leaves
        # Pixels that are not counted are assigned to an extra cell, which is removed.
        cell = ops.where(is_counted, label * self.tree.num_leaves + leaf, cells)
        cell = ops.reshape(cell, (-1,))
        batch = ops.segment_sum(ops.ones_like(cell), cell, num_segments=cells + 1)[:cells]
        self._counter.add(ops.reshape(batch, (self.tree.num_nodes, self.tree.num_leaves)))

    def counts(self):
        """Returns the number of pixels per label and predicted leaf, float32 `(V, L)`."""
        return self._counter.total()

    def exact_counts(self) -> np.ndarray:
        """Returns the exact number of pixels per label and predicted leaf, an int64 NumPy array `(V, L)`."""
        return self._counter.exact()

    def level_counts(self, level: int):
        """Returns the intersection, labeled and predicted pixels per class of a level: three float tensors `(C,)`."""
        return self.level_sums(self.counts(), level)

    def level_sums(self, values, level: int):
        """Returns what `level_counts` returns, but computed from any values per label and predicted leaf, `(V, L)`."""
        rows, label_class, leaf_class, num_classes = self._level_classes(level)
        confusion = ops.take(values, rows, axis=0)
        same = label_class[:, None] == leaf_class[None, :]

        def per_class(values, classes):
            return ops.segment_sum(values, classes, num_segments=num_classes)

        return (
            per_class(ops.sum(ops.where(same, confusion, 0.0), axis=1), label_class),
            per_class(ops.sum(confusion, axis=1), label_class),
            per_class(ops.sum(confusion, axis=0), leaf_class),
        )

    def exact_level_counts(self, level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns the exact `level_counts` as int64 NumPy arrays."""
        rows, label_class, leaf_class, num_classes = self._level_classes(level)
        confusion = np.zeros((num_classes, num_classes), np.int64)
        np.add.at(confusion, (label_class[:, None], leaf_class[None, :]), self.exact_counts()[rows])
        return np.diag(confusion), confusion.sum(1), confusion.sum(0)

    def _level_classes(self, level):
        """Returns the labels that have a class at the level, the positions of their classes, the positions of the
        leaves' classes, and the number of classes.
        """
        classes = self.tree.level_classes(level)
        table = self.tree.level_table[level - 1]
        rows = np.flatnonzero(table >= 0)
        position = np.searchsorted(classes, table)
        return rows, position[rows], position[: self.tree.num_leaves], len(classes)
