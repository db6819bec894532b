"""How often each class occurs in label maps, at every level."""

import numpy as np

from hierseg_keras.tree import as_class_tree


def label_counts(tree, labels):
    """Counts the pixels of each node.

    Args:
        tree: `ClassTree`, or its text.
        labels: Iterable of integer arrays of any shape, node indices; whatever is no node counts
            as no label.

    Returns:
        `(V + 1,)` int64 array: the pixels labelled with each node, and last those without a label.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> label_counts(tree, [np.array([[0, 0, 2], [3, 2, 255]])])
    array([2, 0, 2, 1, 1])
    """
    tree = as_class_tree(tree)
    counts = np.zeros(tree.num_nodes + 1, np.int64)
    for label in labels:
        label = np.asarray(label).ravel()
        is_node = (label >= 0) & (label < tree.num_nodes)
        counts += np.bincount(np.where(is_node, label, tree.num_nodes), minlength=len(counts))
    return counts


def level_counts(tree, counts):
    """Sums counts of nodes up to the classes of every level.

    Args:
        tree: `ClassTree`, or its text.
        counts: As `label_counts` returns them.

    Returns:
        List of dicts, the finest level first, from each class of the level to its pixels. Those of
        a label that is too coarse to tell the class are in none.

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
