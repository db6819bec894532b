"""From leaves to their classes at every level."""

from keras import ops

from hierseg_keras.tree import as_class_tree


def level_labels(tree, leaf):
    """Gives the class of every pixel at every level.

    Args:
        tree: `ClassTree`, or its text.
        leaf: Integer leaf indices of any shape, such as `best_path` returns.

    Returns:
        List of `D` int32 tensors of node indices, each of the shape of `leaf`, level 1 (the
        finest) first. All levels are nodes of one path, so that they always agree.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> [level.tolist() for level in map(np.asarray, hs.decoding.level_labels(tree, [1, 2]))]
    [[1, 2], [3, 2]]
    """
    tree = as_class_tree(tree)
    leaf = ops.cast(leaf, "int32")
    return [ops.take(classes, leaf, axis=0) for classes in tree.level_table[:, : tree.num_leaves]]
