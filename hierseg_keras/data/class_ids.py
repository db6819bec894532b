"""From the class ids that a data set stores to the node indices of a tree."""

import numpy as np

from hierseg_keras.tree import TreeError


def node_of_class_id(tree, class_paths, ignore_class):
    """Makes the table from stored class ids to node indices.

    Args:
        tree: `ClassTree`.
        class_paths: Each id's class path, in the order of ids; `None` where the id means that a
            pixel has no label. A path that is not in the tree is found by its last name where
            that is unique, so that a tree that groups the same classes otherwise fits too.
        ignore_class: Integer label of pixels without one.

    Returns:
        Int32 array with one entry an id: a node index or `ignore_class`.

    Raises:
        TreeError: Listing every class that is not in the tree.

    Example:

    >>> node_of_class_id(ClassTree.from_text("human\\n\\trider\\nsky"), ["sky", "human", None], 255)
    array([  1,   2, 255], dtype=int32)
    """
    nodes, problems = [], []
    for class_id, path in enumerate(class_paths):
        try:
            nodes.append(ignore_class if path is None else _find(tree, path))
        except TreeError as error:
            problems.append(f"class id {class_id}: {error}")
    if problems:
        problems.append("Give the tree that the data set was prepared with, or one over the same classes.")
        raise TreeError(problems)
    return np.asarray(nodes, np.int32)


def _find(tree, path):
    try:
        return tree.index(path)
    except TreeError:
        name = path.rpartition("/")[2]
        if name == path or tree.names.count(name) != 1:
            raise
        return tree.index(name)
