"""Reads a class tree from text, a nested dict or paths into an `Outline`.

An outline is an unchecked tree: one entry per line, in file order, and the problems found while
reading. `ClassTree` reports these together with the problems of the tree as a whole.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Set

from hierseg_keras.arguments.exact_integer import exact_integer
from hierseg_keras.tree.other_formats import REMEDY, format_of_text, sign_in_name
from hierseg_keras.tree.tree_error import TreeError

ROOT = -1
COMMENT = "#"
_SHOWN = 80
_END = object()
# No tree has an index of more than 18 digits, and Python does not parse numbers of more than 4,300 digits.
_LEAF_LINE = re.compile(r"(?P<name>.*?)\s*=\s*(?P<index>[+-]?\d{1,18})\s*")


@dataclasses.dataclass
class Outline:
    """Nodes in file order, and the problems found so far.

    Attributes:
        names: List of class names.
        parents: List of positions of the parents in these lists; `ROOT` for a top class.
        indices: List of leaf indices as given; `None` for a node without one.
        places: List of strings, where each node was defined, for errors.
        problems: List of strings.
    """

    names: list = dataclasses.field(default_factory=list)
    parents: list = dataclasses.field(default_factory=list)
    indices: list = dataclasses.field(default_factory=list)
    places: list = dataclasses.field(default_factory=list)
    problems: list = dataclasses.field(default_factory=list)

    def add(self, name, parent, index, place):
        self.names.append(name)
        self.parents.append(parent)
        self.indices.append(index)
        self.places.append(place)
        return len(self.names) - 1


def outline_from_text(text, source):
    """Reads text with one class per line, indented by either tabs or spaces. `= n` gives a leaf its index.

    Skips empty lines and lines whose first character, after white space, is `#`.
    """
    if not isinstance(text, str):
        raise TypeError(f"`text` expects a string. Received: {type(text).__name__}.")
    check_byte_order_mark(text, source)
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    lines = [(n, line) for n, line in lines if not line.lstrip().startswith(COMMENT)]
    entries = [(number, line, *_name_and_index(line)) for number, line in lines]
    _check_format(entries, source)
    outline, open_nodes = Outline(), []
    unit, outline.problems = _indent_unit(lines, source)
    for number, line, name, index in entries:
        place = f"{source}:{number}"
        depth, complaint = _depth_of(line, unit)
        if not complaint and depth > len(open_nodes):
            complaint = (
                f"indent jumps from level {len(open_nodes) - 1} to level {depth}: "
                "a child is indented by one step more than its parent"
            )
        if complaint:
            outline.problems.append(f"{place}: {complaint}. Line: {line.strip()!r}")
            depth = min(depth, len(open_nodes))
        parent = open_nodes[depth - 1] if depth else ROOT
        del open_nodes[depth:]
        open_nodes.append(outline.add(name, parent, index, place))
    return outline


def check_byte_order_mark(text, source):
    if text.startswith("\ufeff"):
        raise TreeError(f"{source}:1: the text begins with a byte order mark (BOM). Save it as UTF-8 without one.")


def _name_and_index(line):
    match = _LEAF_LINE.fullmatch(line.strip())
    return (match["name"], int(match["index"])) if match else (line.strip(), None)


def _check_format(entries, source):
    """Raises one error for a text of another format, instead of one error per line."""
    if entries and all(index is None for *_, index in entries):
        form = format_of_text([line.strip() for _, line, _, _ in entries])
        if form:
            raise _foreign(entries[0], form, source)
    for entry in entries:
        if sign := sign_in_name(entry[2]):
            raise _foreign(entry, sign[0], source)


def _foreign(entry, form, source):
    number, line, *_ = entry
    return TreeError(f"{source}:{number}: the text looks like {form}: {line.strip()[:_SHOWN]!r}. {REMEDY}")


def _indent_of(line):
    return line[: len(line) - len(line.lstrip())]


def _indent_unit(lines, source):
    """Returns a pair: the first indent, which is one step of the whole text (a tab or several spaces), and problems."""
    indents = [(n, _indent_of(line)) for n, line in lines if _indent_of(line)]
    unit = indents[0][1] if indents else "\t"
    tabs = [n for n, indent in indents if "\t" in indent]
    spaces = [n for n, indent in indents if indent.strip("\t")]
    problems = []
    if tabs and spaces:
        problems.append(
            f"{source}:{max(tabs[0], spaces[0])}: tabs and spaces are mixed in the indents (tabs first on "
            f"line {tabs[0]}, other white space first on line {spaces[0]}). Use one of them throughout"
        )
    return "\t" if "\t" in unit else unit, problems


def _depth_of(line, unit):
    indent = _indent_of(line)
    steps, rest = divmod(len(indent), len(unit))
    if rest and set(indent) <= set(unit):
        return steps, f"an indent of {len(indent)} is not a multiple of the first indent, {len(unit)}"
    return steps, ""


def outline_from_dict(tree, source="dict"):
    """Reads nested mappings. A leaf is `name: index`, `name: None`, or a string in a list."""
    if not isinstance(tree, Mapping):
        raise TypeError(f"`tree` expects a dict from class names to their children. Received: {type(tree).__name__}.")
    outline = Outline()
    problems = outline.problems
    pending = [(iter(tree.items()), ROOT, source, {id(tree)}, id(tree))]
    while pending:
        items, parent, place, above, identity = pending[-1]
        name, value = next(items, (_END, None))
        if name is _END:
            pending.pop()
            above.discard(identity)
            continue
        here = f"{place}[{name!r}]"
        if not isinstance(name, str):
            problems.append(f"{here}: a class name must be a string. Received: {name!r}")
            continue
        if isinstance(value, (Mapping, list, tuple)) and len(value) and id(value) in above:
            problems.append(f"{here}: this dict is its own ancestor, and a tree has no cycles")
            continue
        is_index = exact_integer(value) is not None
        position = outline.add(name, parent, None if isinstance(value, (Mapping, list, tuple)) else value, here)
        if isinstance(value, Mapping):
            children = iter(value.items())
        elif isinstance(value, (list, tuple)):
            children = ((child, None) for child in value)
        elif is_index or value is None:
            continue
        else:
            problems.append(f"{here}: expected a dict or list of children, a leaf index or None. Received: {value!r}")
            continue
        above.add(id(value))
        pending.append((children, position, here, above, id(value)))
    return outline


def outline_from_paths(paths, indices=None, source="paths"):
    """Reads the paths of the leaves, from the top class down, as `"a/b"` or `("a", "b")`."""
    if isinstance(paths, (str, bytes, Mapping, Set)):
        raise TypeError(
            f"`paths` expects a list of paths. Received: {type(paths).__name__}. `ClassTree.from_text` reads a string "
            "and `ClassTree.from_dict` a dict. A set has no order: make it a list."
        )
    paths = list(paths)
    indices = [None] * len(paths) if indices is None else list(indices)
    if len(indices) != len(paths):
        raise TreeError(f"{source}: expected one index per path. Received: {len(paths)} paths, {len(indices)} indices")
    outline, positions, leaves = Outline(), {}, {}
    problems = outline.problems
    for number, (path, index) in enumerate(zip(paths, indices)):
        place = f"{source}[{number}]"
        names = path.split("/") if isinstance(path, str) else list(path) if isinstance(path, Iterable) else []
        if not names or not all(isinstance(name, str) for name in names):
            problems.append(f"{place}: a path must be a string or a sequence of names. Received: {path!r}")
            continue
        position = ROOT
        for name in names[:-1]:
            key = (position, name)
            if key not in positions:
                positions[key] = outline.add(name, position, None, place)
            position = positions[key]
        key = (position, names[-1])
        if key in leaves:
            problems.append(f"{place}: duplicate path {'/'.join(names)!r}, first given at {leaves[key]}")
        elif key in positions:
            problems.append(f"{place}: {'/'.join(names)!r} is given both as a leaf and as a parent")
        else:
            leaves[key] = place
            positions[key] = outline.add(names[-1], position, index, place)
            if index is not None and exact_integer(index) is None:
                problems.append(f"{place}: expected an integer as leaf index. Received: {index!r}")
    inner = set(outline.parents)
    for key, place in leaves.items():
        if positions[key] in inner:
            problems.append(f"{place}: {key[1]!r} is given both as a leaf and as a parent")
    return outline


def without_root(outline):
    """Removes the single top line; its children become top classes."""
    tops = [i for i, parent in enumerate(outline.parents) if parent == ROOT]
    if len(tops) != 1 or tops[0] != 0 or len(outline.names) == 1:
        raise TreeError(
            f"`drop_root=True` expects exactly one top class, with children. Received: {len(tops)} top "
            f"classes, {[outline.names[i] for i in tops[:5]]}. Omit drop_root to keep all top classes"
        )
    return Outline(
        outline.names[1:],
        [parent - 1 if parent else ROOT for parent in outline.parents[1:]],
        outline.indices[1:],
        outline.places[1:],
        outline.problems,
    )
