"""A first class map by the classes' names, to look through and edit."""

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

# One of several classes, and several names of one class.
_ALTERNATIVES, _SYNONYMS = r"[/|&+]|\s(?:and|or)\s", r"[,;]"
_BRACKETS = re.compile(r"[()\[\]{}<>]")


def propose_class_map(
    names: "Sequence[str | None] | Mapping[int, str | None] | tfds.core.DatasetBuilder", tree: ClassTree | str
) -> ClassMap:
    """Proposes the node of each class by its name, as a first version to look through and edit.

    A class finds the node that bears its name: first as it is written, then in any case, with any Unicode form of its
    letters and with spaces, `_` and `-` alike, then in the plural or the singular. Where several nodes do, an only
    child goes before its parents, which hold the same pixels; otherwise the class stays unmapped. So does a class
    that no node is named after, and one with an empty name.

    A name of several parts is looked up as a whole first. Then:

    - Alternatives, as in `car/truck`, `car & truck`, `car and truck`: if every part finds a node, the class is their
      lowest common ancestor, the finest node that is certain to hold it. If one finds none, or they have no common
      ancestor, the class stays unmapped. Parts that lie on one path, as in `human/rider`, are that path.
    - Synonyms, as in `building, edifice` or `car;auto`: the parts that find a node must find the same one.
    - With brackets, as in `sign (back)`: the class stays unmapped, as what is in them may narrow it or not.

    Args:
        names: The classes' names in the order of their ids, or a dict from ids to names; or a prepared TFDS builder
            whose data set names its classes. `None` means "no label". The paths of a builder with a tree of its own
            are looked up by their last name where the path is none of `tree`.
        tree: `ClassTree`, or its text.

    Returns:
        `ClassMap`; `to_file` writes it.

    Raises:
        ValueError: If the builder's data set does not name its classes.

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
    propose = _by_name
    if hasattr(names, "info"):
        propose = _by_path if "class_paths" in (names.info.metadata or {}) else _by_name
        names = class_names(names.info)
    names = dict(names.items() if hasattr(names, "items") else enumerate(names))
    found = {id_: None if name is None else propose(tree, name) for id_, name in names.items()}
    nodes = {id_: "" if node is None else tree.paths[node] for id_, node in found.items()}
    return ClassMap([(id_, name or "", IGNORE if name is None else nodes[id_]) for id_, name in names.items()])


def _by_path(tree, path):
    """The node of a path of another tree, or `None`."""
    return tree.paths.index(path) if "/" in path and path in tree.paths else _only_node(tree, path.rpartition("/")[2])


def _by_name(tree, name):
    """The node of a class's name, which may be several, or `None`."""
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
    """The node that bears a name, or `None` where none does or several do."""
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
    """The words of a name in one form, whatever their case and however accents are coded."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", re.sub(r"[\s_-]+", " ", folded).strip())


def _plurals(words):
    return {f"{words}s", f"{words}es", re.sub("y$", "ies", words)} - {words}
