"""Proposes a class table by comparing class names."""

import functools
import re
import typing
import unicodedata
from collections.abc import Mapping, Sequence

from hierseg_keras.data.class_map import IGNORE, ClassMap
from hierseg_keras.data.class_names import class_names
from hierseg_keras.tree import ClassTree, as_class_tree

if typing.TYPE_CHECKING:
    import tensorflow_datasets as tfds

# Separators between alternative classes, and between synonyms of one class.
_ALTERNATIVES, _SYNONYMS = r"[/|&+]|\s(?:and|or)\s", r"[,;]"
_BRACKETS = re.compile(r"[()\[\]{}<>]")


def propose_class_map(
    names: "Sequence[str | None] | Mapping[int | str, str | None] | ClassMap | tfds.core.DatasetBuilder",
    tree: ClassTree | str,
) -> ClassMap:
    """Proposes a node for each class by its name. Review and edit the result before you use it.

    A class is mapped to the node with the same name. Names are compared first exactly; then regardless of case,
    Unicode form, spaces, `_` and `-`, so that `SignSymbol` matches `sign symbol`; then regardless of plural and
    singular. If several nodes match and one is an only child of the others, with the same pixels, the child is chosen.
    Otherwise the class stays unmapped. It also stays unmapped if no node matches or its name is empty.

    A name of several parts is first compared as a whole. Then these rules apply:

    - Alternatives, as in `car/truck`, `car & truck`, `car and truck`: if every part matches a node, the class is
      mapped to their lowest common ancestor. If a part matches no node, or the nodes have no common ancestor, the
      class stays unmapped. If the parts are a path, as in `human/rider`, the class is mapped to its last node.
    - Synonyms, as in `building, edifice` or `car;auto`: all parts that match a node must match the same node.
    - Brackets, as in `sign (back)`: the class stays unmapped, as the text in brackets may or may not narrow it.

    Args:
        names: List of class names in the order of their ids, or a dict from ids or colors to names, in which `None`
            means "no label"; a `ClassMap`, whose rows without a node are completed; or a prepared TFDS builder whose
            data set names its classes. If the data set has its own tree, a class path that is not in `tree` is looked
            up by its last name.
        tree: `ClassTree`, or its text.

    Returns:
        `ClassMap`. Write it with `to_file`.

    Raises:
        ValueError: If `names` is a builder and its data set does not name its classes.

    Example:

    >>> tree = hs.ClassTree.from_text("vehicle\\n\\tcar\\n\\ttruck\\n\\tbus\\nsky\\n\\tsky\\nbuilding")
    >>> proposal = hs.data.propose_class_map(["Cars", "car/truck", "sky", "building, edifice", "cow", None], tree)
    >>> print(proposal)
    id,class,node
    0,Cars,vehicle/car
    1,car/truck,vehicle
    2,sky,sky/sky
    3,"building, edifice",building
    4,cow,
    5,,ignore
    >>> proposal.unmapped
    ((4, 'cow', ''),)
    """
    tree = as_class_tree(tree)
    if isinstance(names, ClassMap):
        rows = [
            (id_, name, node or _path(tree, _by_name(tree, name)), *color) for id_, name, node, *color in names.rows
        ]
        return ClassMap(rows, names.source)
    propose = _by_name
    if hasattr(names, "info"):
        propose = _by_path if "class_paths" in (names.info.metadata or {}) else _by_name
        names = class_names(names.info)
    names = dict(names.items() if hasattr(names, "items") else enumerate(names))
    nodes = {id_: IGNORE if name is None else _path(tree, propose(tree, name)) for id_, name in names.items()}
    return ClassMap([(id_, name or "", nodes[id_]) for id_, name in names.items()])


def _path(tree, node):
    return "" if node is None else tree.paths[node]


def _by_path(tree, path):
    """Returns the node for a path of another tree, or `None`."""
    return tree.paths.index(path) if "/" in path and path in tree.paths else _only_node(tree, path.rpartition("/")[2])


def _by_name(tree, name):
    """Returns the node for a class name, which may have several parts, or `None`."""
    if "/" in name and name in tree.paths:
        return tree.paths.index(name)
    whole = _only_node(tree, name)
    if whole is not None or _BRACKETS.search(name):
        return whole
    alternatives = [_by_synonyms(tree, part) for part in _parts(_ALTERNATIVES, name)]
    if None in alternatives:
        return None
    if "/" in name and _is_path(tree, alternatives):
        return alternatives[-1]
    ancestor = functools.reduce(lambda u, v: tree.lowest_common_ancestor(u, v) if u >= 0 else u, alternatives)
    return None if ancestor < 0 else ancestor


def _by_synonyms(tree, name):
    found = {_only_node(tree, part) for part in _parts(_SYNONYMS, name)} - {None}
    return found.pop() if len(found) == 1 else None


def _parts(separator, name):
    return re.split(separator, unicodedata.normalize("NFKC", name), flags=re.IGNORECASE)


def _is_path(tree, nodes):
    return all(u in tree.path(v) for u, v in zip(nodes, nodes[1:]))


def _only_node(tree, name):
    """Returns the node that matches a name, the deepest of those with the same leaves, or `None` if not unique."""
    if not name.strip():
        return None
    for alike in (_same, _same_words, _same_but_for_plural):
        nodes = [node for node in range(tree.num_nodes) if alike(name, tree.names[node])]
        if len({tuple(tree.leaves(node)) for node in nodes}) == 1:
            return max(nodes, key=lambda node: tree.depths[node])
        if nodes:
            break
    return None


def _same(name, other):
    return name == other


def _same_words(name, other):
    return _words(name) == _words(other)


def _same_but_for_plural(name, other):
    name, other = _words(name), _words(other)
    return name in _plurals(other) or other in _plurals(name)


def _words(name):
    """Returns a name in a normal form, without separators, independent of case and of the Unicode form of accents."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", re.sub(r"[\s_-]+", "", folded))


def _plurals(words):
    return {f"{words}s", f"{words}es", re.sub("y$", "ies", words)} - {words}
