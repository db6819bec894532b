"""Warns of labels that are internal nodes, which may be ids that mean something else."""

import warnings

import numpy as np

from hierseg_keras.messages.capped_list import capped

_SHOWN_NODES = 10


def warn_of_internal_labels(function, tree, labels, ignore_class):
    """Warns once if labels that are given as node indices hold internal nodes.

    The first number after the leaves is often the id of pixels without a label, such as 11 in CamVid, but as a node
    index it is an internal node.

    Args:
        function: Name of the function, for the warning.
        tree: `ClassTree`.
        labels: Iterable of integer arrays.
        ignore_class: Integer label of pixels without a label.
    """
    counts = np.zeros(tree.num_nodes, np.int64)
    for label in labels:
        nodes = np.asarray(label)
        nodes = nodes[(nodes >= tree.num_leaves) & (nodes < tree.num_nodes) & (nodes != ignore_class)]
        counts += np.bincount(nodes.astype(np.int64), minlength=tree.num_nodes)
    found = np.flatnonzero(counts).tolist()
    if found:
        listed = [f"{node} ({tree.paths[node]!r}, {counts[node]} pixels)" for node in found]
        warnings.warn(
            f"`{function}`: labels without `classes` are node indices, of which these are internal nodes: "
            f"{', '.join(capped(listed, _SHOWN_NODES))}. They supervise no class below them. If such a number means "
            f"that a pixel has no label, pass `classes`, such as {{0: {tree.paths[0]!r}, ..., {found[0]}: 'ignore'}}. "
            "If it means the internal node, classes=dict(enumerate(tree.paths)) says so and avoids this warning.",
            stacklevel=3,
        )
