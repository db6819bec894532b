"""Maps the class ids that a data set stores to node indices."""

import numpy as np

from hierseg_keras.tree import TreeError


def node_of_class_id(tree, class_paths, ignore_class):
    """Makes a table from stored class ids to node indices.

    Args:
        tree: `ClassTree`.
        class_paths: List of strings, the class path of each id in the order of the ids. `None` marks
            an id that means "no label". If the tree has no such path, the path's last name is
            looked up, provided that the tree has only one node of this name. A tree that groups the
            same classes differently can therefore be used too.
        ignore_class: Integer label of pixels to exclude.

    Returns:
        Int32 array with one entry per id: a node index or `ignore_class`.

    Raises:
        TreeError: If a class is not in the tree. The error lists all such classes.

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
        problems.append("Use the tree that the data set was prepared with, or one of the same classes.")
        raise TreeError(problems)
    return np.asarray(nodes, np.int32)


def nodes_of_pairs(tree, pairs, class_paths, nodes):
    """Maps pairs of a data set's classes, such as its flip pairs, to pairs of nodes.

    Args:
        tree: `ClassTree`.
        pairs: List of pairs of class paths.
        class_paths: List of strings, as in `node_of_class_id`.
        nodes: Dict from class ids to node indices, or to a number outside `[0, V)` for classes without a node.

    Returns:
        Sorted list of pairs of node indices. A pair of one node, or with a class that has none, is left out: a tree
        may not distinguish left and right.

    Raises:
        TreeError: If a path is neither that of a class nor of a node.
    """
    # A class table may lack classes. These have no node.
    mapped = {path: nodes.get(class_id, -1) for class_id, path in enumerate(class_paths) if path}
    mapped |= {path: nodes[class_id] for class_id, path in enumerate(class_paths) if path and class_id in nodes}
    found = {tuple(mapped[path] if path in mapped else tree.index(path) for path in pair) for pair in pairs}
    return sorted(pair for pair in found if pair[0] != pair[1] and all(0 <= node < tree.num_nodes for node in pair))


def _find(tree, path):
    try:
        return tree.index(path)
    except TreeError:
        name = path.rpartition("/")[2]
        if name == path or tree.names.count(name) != 1:
            raise
        return tree.index(name)
