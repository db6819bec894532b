"""Converts a map of nodes to one map of classes per level."""

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.tree.labels import as_integers
from hierseg_keras.tree.not_converted import not_converted
from hierseg_keras.tree.tensor import Tensor


@not_converted
def level_labels(tree: ClassTree | str, label: ArrayLike) -> list[Tensor]:
    """Looks up the class of every pixel at every level.

    Args:
        tree: `ClassTree`, or its text.
        label: Integer node indices of any shape: leaves, such as `best_path` returns, or any nodes, such as
            `confident_labels` returns.

    Returns:
        List of `D` int32 tensors of node indices, each of the shape of `label`, from level 1 (the
        finest) to level `D`. In each pixel, the classes of all levels lie on one path. -1 at the levels below an
        internal node, and at every level of a label that is no node.

    Raises:
        ValueError: If `label` is a tuple of tensors, or holds a number that is not whole.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> [level.tolist() for level in map(np.asarray, hs.decoding.level_labels(tree, [1, 2]))]
    [[1, 2], [3, 2]]
    """
    tree = as_class_tree(tree)
    if isinstance(label, tuple) and any(hasattr(part, "dtype") for part in label):
        raise ValueError("`level_labels` expects node indices. Received: a tuple. Pass the first item of `best_path`.")
    label = label if hasattr(label, "dtype") else np.asarray(label)
    label, is_whole = as_integers("level_labels", "label", "label", label)
    is_node = ops.logical_and(ops.logical_and(label >= 0, label < tree.num_nodes), is_whole)
    node = ops.where(is_node, label, 0)
    return [ops.where(is_node, ops.take(classes, node, axis=0), -1) for classes in tree.level_table]
