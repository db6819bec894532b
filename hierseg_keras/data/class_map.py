"""Which node of a tree each class of a data set is, as a small table that people write and read."""

import csv
import dataclasses
import io
import pathlib
import re

from hierseg_keras.data.stored_labels import MAX_CLASS_ID
from hierseg_keras.tree import TreeError, as_class_tree

IGNORE = "ignore"
_HEADER = ["id", "class", "node"]


@dataclasses.dataclass(frozen=True)
class ClassMap:
    """Which node of a tree each class id that a data set stores is.

    As a file it is a table in CSV, a row a class id:

        id,class,node
        0,background,background
        1,Face,foreground/face
        2,hair,hair
        255,border,ignore

    `id` is the number in the label maps and `class` the data set's own name for it, which may be
    left empty. `node` is a path of the tree, or a name where that is unique: a leaf or not, so that
    a coarse label supervises what it determines and no more. `ignore` means that pixels of the class
    have no label. A class without a node is still *unmapped*, and `data.load` refuses it.

    Args:
        rows: Triples `(id, class, node)` of an integer and two strings, as in the file.
        source: The name that errors give to the map.

    Attributes:
        unmapped: The rows without a node.

    Raises:
        TreeError: Listing every id that is given twice or that no label map can hold.

    Example:

    >>> class_map = ClassMap([(0, "sky", "sky"), (1, "pedestrian", "human/person"), (255, "void", "ignore")])
    >>> class_map.to_file("street.csv")
    >>> ClassMap.from_file("street.csv") == class_map
    True
    """

    rows: tuple
    source: str = dataclasses.field(default="class map", compare=False)

    def __post_init__(self):
        object.__setattr__(self, "rows", tuple((int(id_), str(name), str(node)) for id_, name, node in self.rows))
        ids = [id_ for id_, _, _ in self.rows]
        problems = [
            f"{self.source}: a class id expects one row. Received: {ids.count(id_)} rows for {id_}"
            for id_ in sorted(set(ids))
            if ids.count(id_) > 1
        ]
        problems += [
            f"{self.source}: a class id expects a number in 0 .. {MAX_CLASS_ID}. Received: {id_}"
            for id_ in ids
            if not 0 <= id_ <= MAX_CLASS_ID
        ]
        if problems:
            raise TreeError(problems)

    @classmethod
    def from_file(cls, path):
        """Reads a UTF-8 file of the form above. Raises `TreeError` with every bad line."""
        try:
            text = pathlib.Path(path).read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise TreeError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
        lines = csv.reader(io.StringIO(text, newline=""))
        header = [cell.strip() for cell in next(lines, [])]
        if header != _HEADER:
            raise TreeError(f"{path}:1: expected the header {','.join(_HEADER)}. Received: {','.join(header)!r}")
        rows, problems = [], []
        for cells in lines:
            cells = [cell.strip() for cell in cells]
            if len(cells) == len(_HEADER) and cells[0].isdecimal():
                rows.append((int(cells[0]), *cells[1:]))
            elif any(cells):
                problems.append(f"{path}:{lines.line_num}: expected {','.join(_HEADER)}. Received: {','.join(cells)!r}")
        if problems:
            raise TreeError(problems)
        return cls(rows, source=str(path))

    @classmethod
    def from_dict(cls, nodes, names=(), source="class map"):
        """Makes one from a dict of nodes.

        Args:
            nodes: Dict from a class id, or from a class's name where `names` tells its id, to a node.
            names: The data set's own names in the order of their ids. A class that `nodes` does
                not hold is unmapped.
            source: The name that errors give to the map.

        Example:

        >>> print(ClassMap.from_dict({"sky": "sky", 2: "human"}, names=["sky", "car", "person"]))
        id,class,node
        0,sky,sky
        1,car,
        2,person,human
        """
        names, ids = list(names), {}
        unknown = [key for key in nodes if isinstance(key, str) and key not in names]
        if unknown:
            raise TreeError(
                f"{source}: expected class ids, or classes of {names}. Received: {', '.join(map(repr, unknown))}"
            )
        for key, node in nodes.items():
            ids.setdefault(names.index(key) if isinstance(key, str) else key, []).append(node)
        given = [(id_, names[id_] if id_ < len(names) else "", node) for id_, own in ids.items() for node in own]
        missing = [(id_, name, "") for id_, name in enumerate(names) if id_ not in ids]
        return cls(sorted(given + missing), source)

    @property
    def unmapped(self):
        return tuple(row for row in self.rows if not row[2])

    def to_file(self, path):
        """Writes what `from_file` reads."""
        pathlib.Path(path).write_text(f"{self}\n", "utf-8")

    def node_of_class_id(self, tree, ignore_class, unmapped="error"):
        """Makes the dict from class ids to node indices.

        Args:
            tree: `ClassTree`.
            ignore_class: Integer label of pixels without one.
            unmapped: `"error"`, or `"ignore"` to leave the pixels of unmapped classes without a label.

        Raises:
            TreeError: Listing every class that is unmapped, or mapped to what is no node of the tree.
        """
        nodes, problems = {}, []
        for class_id, name, node in self.rows:
            place = f"{self.source}: class id {class_id} ({name!r})" if name else f"{self.source}: class id {class_id}"
            if node == IGNORE or not node and unmapped == "ignore":
                nodes[class_id] = ignore_class
            elif not node:
                problems.append(f"{place}: expected a node or {IGNORE!r}. Received: none")
            else:
                try:
                    nodes[class_id] = tree.index(node)
                except TreeError as error:
                    problems.append(f"{place}: {error}")
        if problems:
            problems.append(f'Map every class to a node or to {IGNORE!r}, or pass unmapped="ignore" to `data.load`.')
            raise TreeError(problems)
        return nodes

    def __str__(self):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([_HEADER, *self.rows])
        return text.getvalue().rstrip("\n")


def propose_class_map(names, tree):
    """Proposes the node of each class by its name, as a first version to look through and edit.

    A class finds the node that bears its name, first as it is written, then in any case and with
    spaces, `_` and `-` alike, then in the plural or the singular. Where several nodes do, an only
    child goes before its parents, which hold the same pixels; otherwise the class stays unmapped, as
    one does that no node is named after.

    Args:
        names: The classes' names in the order of their ids, or a dict from ids to names; or a prepared
            TFDS builder that tells them. A name may be a path joined by `/`; `None` means "no label".
        tree: `ClassTree`, or its text.

    Returns:
        `ClassMap`; `to_file` writes it.

    Raises:
        ValueError: If the builder does not tell the classes' names.

    Example:

    >>> tree = hs.ClassTree.from_text("vehicle\\n\\tcar\\n\\ttraffic light\\nsky\\n\\tsky")
    >>> proposal = hs.data.propose_class_map(["Cars", "traffic_light", "sky", "cow", None], tree)
    >>> print(proposal)
    id,class,node
    0,Cars,vehicle/car
    1,traffic_light,vehicle/traffic light
    2,sky,sky/sky
    3,cow,
    4,,ignore
    >>> proposal.unmapped
    ((3, 'cow', ''),)
    """
    tree = as_class_tree(tree)
    if hasattr(names, "info"):
        names = class_names(names.info)
    names = dict(names.items() if hasattr(names, "items") else enumerate(names))
    nodes = {id_: IGNORE if name is None else _proposed(tree, name) for id_, name in names.items()}
    return ClassMap([(id_, name or "", nodes[id_]) for id_, name in names.items()])


def class_names(info):
    """The class's path or name of each stored id, `None` for "no label", as a data set's metadata or labels tell it."""
    metadata = info.metadata or {}
    if "class_paths" in metadata:
        return list(metadata["class_paths"])
    labelled = [feature for feature in info.features.values() if getattr(feature, "num_classes", None)]
    labelled = [feature for feature in labelled if len(feature.shape) == 3]
    if len(labelled) != 1:
        raise ValueError(
            f"expected a data set whose label map names its classes. Received: {info.full_name}, which does not. "
            "Pass a list of names, or a dict from class ids to names."
        )
    return list(labelled[0].names)


def _proposed(tree, name):
    if name in tree.paths and "/" in name:
        return name
    own = name.rpartition("/")[2]
    for alike in (_same, _same_words, _same_but_for_plural):
        nodes = [node for node in range(tree.num_nodes) if alike(own, tree.names[node])]
        if len({tuple(tree.leaves(node)) for node in nodes}) == 1:
            return tree.paths[max(nodes, key=lambda node: tree.depths[node])]
        if nodes:
            break
    return ""


def _same(name, other):
    return name == other


def _same_words(name, other):
    return _words(name) == _words(other)


def _same_but_for_plural(name, other):
    name, other = _words(name), _words(other)
    return name in _plurals(other) or other in _plurals(name)


def _words(name):
    return " ".join(re.split(r"[\s_-]+", name.strip())).casefold()


def _plurals(words):
    return {f"{words}s", f"{words}es", re.sub("y$", "ies", words)} - {words}
