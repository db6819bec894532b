"""Counts the pixels of each class in label maps, at every level."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree, as_class_tree

_INFINITE = -1


def label_counts(tree: ClassTree | str, labels: Iterable, per_image: bool = False) -> np.ndarray:
    """Counts the pixels labeled with each node.

    Args:
        tree: `ClassTree`, or its text.
        labels: Iterable of integer arrays of node indices, of any shape, or of `(image, label)` pairs, such as the
            `tf.data.Dataset` that `data.load` returns. A value that is not a node index counts as no label.
        per_image: Boolean, whether to count each image separately. Labels must then have the shape `(H, W)` or
            `(B, H, W)`. Defaults to `False`.

    Returns:
        Int64 array `(V + 1,)`: the number of pixels labeled with each node, then the number of pixels without a
        label. With `per_image=True`, one such row per image, `(images, V + 1)`.

    Raises:
        ValueError: If labels do not have an integer dtype, or are lists of arrays; the data set is infinite; or
            `per_image` is true and labels have another shape.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> label_counts(tree, [np.array([[0, 0, 2], [3, 2, 255]])])
    array([2, 0, 2, 1, 1])
    >>> label_counts(tree, [np.array([[[0, 0]], [[3, 2]]])], per_image=True).tolist()
    [[2, 0, 0, 0, 0], [0, 0, 1, 1, 0]]
    """
    tree = as_class_tree(tree)
    if hasattr(labels, "cardinality") and int(labels.cardinality()) == _INFINITE:
        raise ValueError(
            "`label_counts` expects a finite data set. Received: an infinite one. Pass `dataset.take(...)`."
        )
    counts, rows = np.zeros(tree.num_nodes + 1, np.int64), []
    for element in labels:
        label = _label_of(element)
        if not per_image:
            counts += _counts(tree, label)
            continue
        if label.ndim not in (2, 3):
            raise ValueError(
                "`label_counts` with per_image=True expects labels (H, W) or (B, H, W). Received: label.shape="
                f"{label.shape}."
            )
        rows += [_counts(tree, image) for image in label.reshape(-1, *label.shape[-2:])]
    return np.reshape(rows, (-1, tree.num_nodes + 1)).astype(np.int64) if per_image else counts


def level_counts(tree: ClassTree | str, counts: ArrayLike) -> list[dict[int, int]]:
    """Sums pixel counts of nodes into counts of the classes of every level.

    Args:
        tree: `ClassTree`, or its text.
        counts: Integer array `(V + 1,)`, as returned by `label_counts`.

    Returns:
        List of dicts, one per level, the finest first. Each maps the classes of the level (node indices)
        to their numbers of pixels. Pixels with a label coarser than the level are not counted.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> level_counts(tree, [2, 0, 2, 1, 1])
    [{0: 2, 1: 0, 2: 2}, {2: 2, 3: 3}]
    """
    tree = as_class_tree(tree)
    counts = np.asarray(counts)[: tree.num_nodes]
    return [
        {int(node): int(counts[classes == node].sum()) for node in tree.level_classes(level)}
        for level, classes in enumerate(tree.level_table, start=1)
    ]


def _label_of(element):
    if isinstance(element, list) and any(getattr(part, "ndim", 0) >= 2 for part in element):
        raise ValueError(
            "`label_counts` expects arrays of labels, or (image, label) pairs as tuples. Received: a list of arrays. "
            "Pass a tuple if it is a pair, and `np.stack` of it if it holds labels."
        )
    label = np.asarray(element[1] if isinstance(element, tuple) else element)
    if not np.issubdtype(label.dtype, np.integer):
        raise ValueError(
            f"`label_counts` expects integer labels, or (image, label) pairs. Received: labels of {label.dtype}. Cast "
            "whole numbers to an integer dtype first."
        )
    return label


def _counts(tree, label):
    is_node = (label >= 0) & (label < tree.num_nodes)
    node = np.where(is_node, label, 0).astype(np.int64)
    node[~is_node] = tree.num_nodes
    return np.bincount(node.ravel(), minlength=tree.num_nodes + 1)
