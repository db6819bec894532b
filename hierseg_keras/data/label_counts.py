"""How often each class occurs in label maps, at every level."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree, as_class_tree

_INFINITE = -1


def label_counts(tree: ClassTree | str, labels: Iterable, per_image: bool = False) -> np.ndarray:
    """Counts the pixels of each node.

    Args:
        tree: `ClassTree`, or its text.
        labels: Iterable of integer arrays of node indices, of any shape, or of tuples whose second entry is one: a
            `tf.data.Dataset` of `(image, label)` batches, as `data.load` returns it, is counted as it is. Whatever
            is no node counts as no label.
        per_image: Whether to count each image by itself, for labels of shape `(H, W)` or `(B, H, W)`.

    Returns:
        `(V + 1,)` int64 array: the pixels labeled with each node, and last those without a label. Per image:
        `(images, V + 1)`.

    Raises:
        ValueError: If labels are no integers, or the data set never ends.

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
            "`label_counts` expects labels that end. Received: a data set that repeats. Pass `dataset.take(...)`."
        )
    counts, rows = np.zeros(tree.num_nodes + 1, np.int64), []
    for element in labels:
        label = _label_of(element)
        if not per_image:
            counts += _counts(tree, label)
            continue
        if label.ndim not in (2, 3):
            raise ValueError(
                "`label_counts` expects labels of shape (H, W) or (B, H, W) to count per image. Received: shape "
                f"{label.shape}."
            )
        rows += [_counts(tree, image) for image in label.reshape(-1, *label.shape[-2:])]
    return np.reshape(rows, (-1, tree.num_nodes + 1)).astype(np.int64) if per_image else counts


def level_counts(tree: ClassTree | str, counts: ArrayLike) -> list[dict[int, int]]:
    """Sums counts of nodes up to the classes of every level.

    Args:
        tree: `ClassTree`, or its text.
        counts: As `label_counts` returns them.

    Returns:
        List of dicts, the finest level first, from each class of the level to its pixels. Those of
        a label that is too coarse to determine the class are in none.

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
    label = np.asarray(element[1] if isinstance(element, tuple) else element)
    if not np.issubdtype(label.dtype, np.integer):
        raise ValueError(
            "`label_counts` expects integer labels, or (image, label) pairs of them. Received: labels of "
            f"{label.dtype}. Cast them first, if they are whole numbers."
        )
    return label


def _counts(tree, label):
    is_node = (label >= 0) & (label < tree.num_nodes)
    return np.bincount(np.where(is_node, label, tree.num_nodes).ravel().astype(np.int64), minlength=tree.num_nodes + 1)
