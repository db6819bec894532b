"""Converts node indices to the class ids of a data set."""

import os
import warnings

import numpy as np

from hierseg_keras.data import ClassMap
from hierseg_keras.data.class_ids import node_of_class_id
from hierseg_keras.data.class_names import class_names
from hierseg_keras.data.find_builder import find_builder
from hierseg_keras.tree import TreeError

LABEL_IDS, TRAIN_IDS = "labelIds", "trainIds"
# The result of `ClassMap` for an id that means "no label".
_NO_NODE = -1
_MOST_NAMED = 5


def ids_of_nodes(tree, ids):
    """Makes a table from node indices to the numbers to write.

    Args:
        tree: `ClassTree`.
        ids: As in `predict_files`.

    Returns:
        Int64 array, `(V,)`. It is -1 for nodes without an id.

    Raises:
        ValueError: If the ids of a class map are colors.
        TreeError: If a class map has a node that is not in the tree.
        OSError: If the file of a class map cannot be read.
    """
    if ids is None:
        return np.arange(tree.num_nodes)
    if isinstance(ids, str) and ids == TRAIN_IDS:
        return np.where(np.arange(tree.num_nodes) < tree.num_leaves, np.arange(tree.num_nodes), -1)
    if isinstance(ids, str) and ids == LABEL_IDS:
        return _first_ids(tree, _cityscapes_nodes(tree), LABEL_IDS)
    class_map = ids if isinstance(ids, ClassMap) else ClassMap.from_file(ids)
    if class_map.has_colors:
        raise ValueError(
            f"`ids` expects a class map whose ids are numbers. Received: {class_map.source}, whose ids are colors. "
            "Number the classes, or write node indices."
        )
    return _first_ids(tree, class_map.node_of_class_id(tree, _NO_NODE, unmapped="ignore"), class_map.source)


def check_ids(tree, numbers, nodes, source):
    """Checks that nodes have an id.

    Args:
        tree: `ClassTree`.
        numbers: Array as returned by `ids_of_nodes`.
        nodes: Integer array, the nodes that the maps to write may contain.
        source: Name of the ids in the error.

    Raises:
        ValueError: If a node has no id. The error names up to five of them.
    """
    missing = [tree.paths[node] for node in nodes if numbers[node] < 0]
    if missing:
        more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        raise ValueError(
            f"`ids` expects an id for every class of the maps to write. Received: {source}, without an id for "
            f"{', '.join(map(repr, missing[:_MOST_NAMED]))}{more}. Write other levels, or add the class to a class map."
        )


def data_set_ids(tree, name, data_dir=None):
    """Makes the class map of a TFDS data set, which need not be prepared.

    Args:
        tree: `ClassTree`.
        name: String, name of the data set.
        data_dir: As in `data.prepare`.

    Returns:
        `ClassMap` from the data set's class ids to nodes.

    Raises:
        ValueError: If there is no such data set, or it does not name its classes.
        TreeError: If a class is not in the tree.
    """
    names = class_names(find_builder(name, data_dir).info)
    nodes = node_of_class_id(tree, names, _NO_NODE)
    rows = [
        (class_id, path or "", "ignore" if node == _NO_NODE else tree.paths[node])
        for class_id, (path, node) in enumerate(zip(names, nodes))
    ]
    return ClassMap(rows, source=name)


def name_of_ids(ids):
    """Returns the name of ids in errors and in the record of a folder."""
    return ids.source if isinstance(ids, ClassMap) else os.fspath(ids)


def _cityscapes_nodes(tree):
    from tfds_builders.cityscapes_tree.class_ids import class_paths

    try:
        return dict(enumerate(node_of_class_id(tree, class_paths(untrained_as_category=False), _NO_NODE).tolist()))
    except TreeError as error:
        raise ValueError(
            f"`ids` expects {LABEL_IDS!r} only for a tree with Cityscapes' classes. Received: a tree without them "
            f"({str(error).splitlines()[0]}). Pass a class map of your own."
        ) from None


def _first_ids(tree, nodes, source):
    """Inverts a dict from ids to nodes. If several ids have the same node, the first is used, and a warning says so."""
    numbers, further = np.full(tree.num_nodes, -1), {}
    for class_id, node in nodes.items():
        if node == _NO_NODE:
            continue
        if numbers[node] < 0:
            numbers[node] = class_id
        else:
            further.setdefault(node, []).append(class_id)
    if further:
        texts = [
            f"{numbers[node]} for {tree.paths[node]!r}, not {', '.join(map(str, others))}"
            for node, others in further.items()
        ]
        more = f"; and {len(texts) - _MOST_NAMED} more" if len(texts) > _MOST_NAMED else ""
        warnings.warn(
            f"{source} has several ids for a class. The first of them is written: {'; '.join(texts[:_MOST_NAMED])}"
            f"{more}.",
            stacklevel=4,
        )
    return numbers
