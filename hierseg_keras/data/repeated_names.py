"""Warns of class tables that most likely name a top class in place of the class of the same name below it."""

import warnings

from hierseg_keras.tree.repeated_name import repeated_below


def warn_of_repeated_names(source, tree, nodes):
    """Warns if classes are mapped to leaves, and to top classes that have the name of a class below them.

    Args:
        source: String, what the classes are of, with which the warning begins.
        tree: `ClassTree`.
        nodes: Node of each class. Others than `0 .. V - 1` are no node.
    """
    internal = dict.fromkeys(node for node in nodes if tree.num_leaves <= node < tree.num_nodes)
    leaves = [repeated_below(tree, node) for node in internal]
    # With labels at other internal nodes, this one is most likely meant too.
    if internal and all(leaves):
        warnings.warn(
            f"{source}: the nodes {[tree.paths[node] for node in internal]} are top classes. Their pixels have no "
            f"label at level 1. If the classes of the same names below are meant, write {leaves}.",
            stacklevel=4,
        )
