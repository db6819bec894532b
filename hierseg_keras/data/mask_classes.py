"""Finds the node of each class of a folder of masks."""

import collections
import itertools

from hierseg_keras.data.argument_checks import is_integer
from hierseg_keras.data.class_map import IGNORE, ClassMap
from hierseg_keras.data.colors import as_color
from hierseg_keras.data.mask_table import mask_table, unannotated_node
from hierseg_keras.messages.quoted import quoted
from hierseg_keras.tree import TreeError

_NO_LABEL, _NO_LABEL_16_BIT = 255, 65535
# Whether classes have colors or numbers, and the formats in which they have neither.
_HAS_COLORS = {"index": False, "coco_panoptic": False, "colors": True, "cvat": True}
_NAMED = ("labelme", "binary")


def mask_classes(found, classes, tree, folder):
    """Finds the node of each class of a folder of masks.

    Args:
        found: `FoundMasks` of the folder.
        classes: `ClassMap`, a dict from class ids, colors or names to nodes, or `None`. Without it, the numbers of
            index masks are the leaves of the tree, and classes that have names are nodes of the same name, or ignored
            if their name is void or the like. Pixels that were not annotated are background if the tree has this leaf;
            otherwise they have no label.
        tree: `ClassTree`.
        folder: Path of the folder, for errors.

    Returns:
        Tuple of triples `(id, name, path)`, as `FoldersConfig` takes them.

    Raises:
        TreeError: If a class has no node, or several; or the ids of the table are colors and those of the masks
            numbers, or the reverse. The error lists all such classes.
    """
    if hasattr(classes, "items"):
        classes = _class_map(classes, found, folder)
    if classes is not None:
        _check_kind(found, classes, folder)
        # Raises for all classes that are unmapped or not in the tree.
        classes.node_of_class_id(tree, tree.num_nodes)
        names = [row[1] for row in classes.rows]
        by_name = _are_numbered(classes) and _declares_each(found, names) or bool(found.classes) and not classes.has_ids
        rows = [
            (_declared_id(found, None if by_name else id_, name), name, _path(tree, node))
            for id_, name, node, *_ in classes.rows
        ]
        _check_one_node(found, rows, classes)
    elif found.format == "index":
        # With more than 255 leaves, 255 is a leaf.
        no_label = _NO_LABEL if tree.num_leaves <= _NO_LABEL else _NO_LABEL_16_BIT
        rows = [(leaf, "", tree.paths[leaf]) for leaf in range(tree.num_leaves)] + [(no_label, "", None)]
    elif not found.classes:
        raise TreeError(
            f"{folder}: expected a class table, because the masks have the format {found.format}, without names of "
            f"classes. Received: none. {_advice(folder, found)}"
        )
    else:
        rows = _proposed(found, tree, folder)
    return tuple(rows)


def _proposed(found, tree, folder):
    """Returns the rows of classes that the masks declare with their names."""
    from tfds_builders.reading.masks import BACKGROUND

    proposal, keys = mask_table(found, {}, tree=tree)
    if proposal.unmapped:
        listed = ", ".join(repr(row[1]) for row in proposal.unmapped)
        raise TreeError(
            f"{folder}: expected one node of the tree per class of the masks. Received: no node, or several, for "
            f"{listed}. {_advice(folder, found)}"
        )
    rows = [(None if key == row[1] else key, row[1], _path(tree, row[2])) for key, row in zip(keys, proposal.rows)]
    if BACKGROUND not in keys:
        rows.append((None, BACKGROUND, _path(tree, unannotated_node(found.format, tree) or IGNORE)))
    return rows


def _check_kind(found, classes, folder):
    """Raises `TreeError` if the ids of a table are colors and those of the masks numbers, or the reverse."""
    has_colors = _HAS_COLORS.get(found.format)
    names = {name for _, name in found.classes}
    if has_colors in (None, classes.has_colors) or not classes.rows or any(row[1] in names for row in classes.rows):
        return
    expected, received = ("colors", "numbers") if has_colors else ("numbers", "colors")
    raise TreeError(
        f"{folder}: expected {expected} in the column `id` of the class table, because the masks have the format "
        f"{found.format}. Received: {classes.source}, which has {received}, such as {classes.rows[0][0]}. Replace "
        f"them, or choose another format with `format`. {_advice(folder, found)}"
    )


def _check_one_node(found, rows, classes):
    """Raises `TreeError` if rows of a table give one class of the masks different nodes."""
    # Where names are the keys, ids only number the rows.
    nodes = collections.defaultdict(dict)
    for id_, name, path in rows:
        nodes[name if found.format in _NAMED and name else id_].setdefault(path or IGNORE)
    problems = [
        f"{classes.source}: expected one node per class. Received: {' and '.join(paths)} for {key}. Remove all rows of "
        "the class but one"
        for key, paths in nodes.items()
        if len(paths) > 1
    ]
    if problems:
        raise TreeError(problems)


def _are_numbered(classes):
    """Returns whether the ids of a table only number its rows, as they do where its column `id` is empty."""
    return [row[0] for row in classes.rows] == list(range(len(classes.rows)))


def _declares_each(found, names):
    """Returns whether the masks declare every name, and each of their names once."""
    declared = [name for _, name in found.classes]
    return set(names) <= set(declared) and len(set(declared)) == len(declared)


def _declared_id(found, id_, name):
    """Returns the id that the masks declare for a row of a table. A table of names numbers its rows instead.

    Raises:
        TreeError: If the masks declare the id and the name for different classes.
    """
    ids, names = {own: id_ for id_, own in found.classes}, dict(found.classes)
    if id_ in names and name not in ("", names[id_]) and name in ids:
        raise TreeError(
            f"expected the ids and names of classes that the masks declare, such as {id_},{names[id_]}. Received: "
            f"{id_},{name}. Correct the row of the class table"
        )
    return id_ if id_ in names else ids.get(name, id_)


def _class_map(nodes, found, folder):
    """Makes a `ClassMap` of a dict. A class that the masks declare with an id and a name may be given by either.

    Raises:
        TreeError: If a key is a name, but the masks hold only numbers or colors without names.
    """
    ids = {name: id_ for id_, name in found.classes}
    free = itertools.count(max([len(ids), *(id_ + 1 for id_ in ids.values() if is_integer(id_))]))
    rows = []
    for key, node in nodes.items():
        if is_integer(key) or as_color(key):
            rows.append((key, next((name for id_, name in found.classes if id_ == key), ""), node))
        elif key not in ids and found.format in ("index", "colors"):
            raise TreeError(
                f"classes of {folder}: expected class ids or colors as keys, because masks of the format "
                f"{found.format} have no names. Received: {key!r}. Pass an integer, such as {{0: 'road'}}, or a color."
            )
        else:
            id_ = ids.get(key, key)
            # Classes that have names alone get any number.
            rows.append((next(free) if id_ == key else id_, key, node))
    return ClassMap(rows, source=f"classes of {folder}")


def _path(tree, node):
    return None if node == IGNORE else tree.paths[tree.index(node)]


def _advice(folder, found):
    return (
        f"`hierseg classes --masks {quoted(folder)} --tree TREE --out classes.csv` proposes a table, where TREE is "
        "the file of your tree. Complete it and pass it as `classes`"
    )
