"""A table, easy to write by hand, from the classes of a data set to the nodes of a tree."""

import collections
import csv
import dataclasses
import io
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from hierseg_keras.data.argument_checks import check_arguments, is_integer
from hierseg_keras.data.colors import as_color, color_code
from hierseg_keras.data.node_table import MAX_CLASS_ID, NodeTable, checked_color_codes
from hierseg_keras.data.repeated_names import warn_of_repeated_names
from hierseg_keras.tree import ClassTree, TreeError, as_class_tree, check_ignore_class
from hierseg_keras.tree.class_tree import Node
from hierseg_keras.tree.ignore_class import IGNORE
from hierseg_keras.tree.not_converted import not_converted
from hierseg_keras.tree.tensor import Tensor

_SEMICOLONS = ". Save the table with commas between the columns"
_HEADER = ["id", "class", "node", "color"]


@dataclasses.dataclass(frozen=True)
class ClassMap:
    """Maps each class id or color that a data set stores to a node of a tree.

    Its file format is a CSV table with one row per class id:

        id,class,node
        0,background,background
        1,Face,foreground/face
        2,hair,hair
        255,border,ignore

    `id` is the number in the label maps. `class` is the data set's own name for it and may be empty.
    `node` is the path of a node, or its name if only one node has it. It may be an internal node:
    such a coarse label supervises the node and its ancestors, but no node below it. `ignore` means
    that pixels of the class have no label. A class without a node is *unmapped*, and `data.load`
    raises an error for it.

    A fourth column `color` is optional. It is the color to draw the class in, such as `#ff8000`, and may be empty:

        id,class,node,color
        0,sky,sky,#87ceeb
        1,car,vehicle/car,

    If label maps are colors, every `id` is a color instead of a number:

        id,class,node
        #000000,background,background
        #800000,aeroplane,vehicle/aeroplane
        #e0e0c0,border,ignore

    If masks name their classes, as those of labelme do, the column `id` may be empty in all rows. The classes are then
    numbered from 0 in the order of the rows. The header may have `name` in place of `class`.

    Args:
        rows: List of tuples `(id, class, node)` or `(id, class, node, color)` as in the file. `id` is an integer from
            0 to 65535, or a color as `"#800000"` or `(128, 0, 0)`; `class` and `node` are strings; `color` is a
            color, or `""` or `None` for none. All ids must be numbers, or all must be colors.
        source: String, name of the table in errors. Defaults to `"class table"`.
        has_ids: Boolean, whether ids are those of the data set, and do not only number the rows. Defaults to `True`.

    Attributes:
        rows: Tuple of triples, or of quadruples if any class has a color to draw it in. Colors are strings as
            `"#800000"`, or `""` for none.
        has_colors: Boolean, whether ids are colors.
        unmapped: Tuple of the rows without a node.

    Raises:
        TreeError: If an id occurs twice, an id is neither an integer from 0 to 65535 nor a color, numbers and colors
            are mixed, or the color to draw a class in is not a color. The error lists all such ids.

    Example:

    >>> class_map = ClassMap([(0, "sky", "sky"), (1, "pedestrian", "human/person"), (255, "void", "ignore")])
    >>> class_map.to_file("street.csv")
    >>> ClassMap.from_file("street.csv") == class_map
    True
    """

    rows: tuple
    source: str = dataclasses.field(default="class table", compare=False)
    has_ids: bool = dataclasses.field(default=True, compare=False)

    def __post_init__(self):
        rows = [_row(*row) for row in self.rows]
        ids = [row[0] for row in rows]
        problems = [
            f"{self.source}: expected an integer from 0 to {MAX_CLASS_ID} as id, or a color such as '#800000'. "
            f"Received: {id_!r}"
            for id_ in ids
            if not as_color(id_) and not (is_integer(id_, smallest=0) and id_ <= MAX_CLASS_ID)
        ]
        problems += [
            f"{self.source}: class id {id_}: expected a color such as '#800000', or none. Received: {color!r}"
            for id_, _, _, color in rows
            if color and not as_color(color)
        ]
        if not problems:
            rows = [(id_ if as_color(id_) else int(id_), *texts) for id_, *texts in rows]
            ids = [row[0] for row in rows]
            problems = [
                f"{self.source}: expected one row per id. Received: {count} rows for {id_}"
                for id_, count in collections.Counter(ids).items()
                if count > 1
            ]
            if len({type(id_) for id_ in ids}) > 1:
                problems.append(f"{self.source}: expected only numbers or only colors as ids. Received: both")
        if problems:
            raise TreeError(problems)
        is_drawn = any(color for *_, color in rows)
        rows = [row if is_drawn else row[:3] for row in rows]
        object.__setattr__(self, "rows", tuple(rows))

    @classmethod
    def from_file(cls, path: str | os.PathLike) -> Self:
        """Reads a UTF-8 file in the format above.

        Args:
            path: Path of the CSV file.

        Returns:
            `ClassMap`.

        Raises:
            TreeError: If the file is not in this format. The error lists every invalid line.
            OSError: If the file cannot be read.
        """
        try:
            # Spreadsheet programs write a byte order mark, which is no part of the first cell.
            text = pathlib.Path(path).read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{path}: expected a class table. Received: nothing there. Correct the path"
            ) from None
        except UnicodeDecodeError as error:
            received = f"{error.reason} at byte {error.start}"
            raise TreeError(f"{path}: expected UTF-8 text. Received: {received}. Save the file as UTF-8") from None
        lines = csv.reader(io.StringIO(text, newline=""))
        header = [cell.strip() for cell in next(lines, [])]
        if [{"name": "class"}.get(cell, cell) for cell in header] not in (_HEADER[:3], _HEADER):
            raise TreeError(
                f"{path}:1: expected the header {','.join(_HEADER[:3])} or {','.join(_HEADER)}. Received: "
                f"{','.join(header)!r}{_SEMICOLONS if ';' in ''.join(header) else ''}"
            )
        rows = [(lines.line_num, [cell.strip() for cell in cells]) for cells in lines]
        rows = [(number, cells) for number, cells in rows if any(cells)]
        has_ids = any(cells[0] for _, cells in rows)
        problems = [
            f"{path}:{number}: expected {','.join(header)}{_explained(cells, header)}. Received: {','.join(cells)!r}"
            for number, cells in rows
            if not _is_row(cells, header, has_ids)
        ]
        if problems:
            raise TreeError(problems)
        ids = [as_color(cells[0]) or int(cells[0]) if has_ids else index for index, (_, cells) in enumerate(rows)]
        return cls([(id_, *cells[1:]) for id_, (_, cells) in zip(ids, rows)], str(path), has_ids)

    @classmethod
    def from_dict(
        cls,
        nodes: Mapping[int | str | tuple[int, int, int], Node],
        names: Sequence[str] = (),
        source: str = "class table",
        colors: Mapping[int | str | tuple[int, int, int], str | tuple[int, int, int]] | None = None,
    ) -> Self:
        """Makes a class table from a dict.

        Args:
            nodes: Dict from class to node. A class is an id, a name in `names`, or a color as
                `(128, 0, 0)` or `"#800000"`. A node is its path or name, or `"ignore"`.
            names: List of the data set's class names in the order of their ids. A class that is in
                `names` but not in `nodes` is unmapped. Defaults to no names. Not used if all classes
                are colors.
            source: String, name of the table in errors. Defaults to `"class table"`.
            colors: Dict from class, as in `nodes`, to the color to draw it in. Defaults to none.

        Returns:
            `ClassMap`.

        Raises:
            TreeError: If a class is neither an id, a color nor one of `names`, a class of `colors` has no row, or as in
                the constructor.

        Example:

        >>> print(ClassMap.from_dict({"sky": "sky", 2: "human"}, names=["sky", "car", "person"]))
        id,class,node
        0,sky,sky
        1,car,
        2,person,human
        >>> print(ClassMap.from_dict({(128, 0, 0): "sky", "#E0E0C0": "ignore"}))
        id,class,node
        #800000,,sky
        #e0e0c0,,ignore
        """
        if nodes and all(as_color(key) for key in nodes):
            return cls([(key, "", node) for key, node in nodes.items()], source)._drawn_in(colors or {})
        names, given = list(names), []
        unknown = [key for key in nodes if isinstance(key, str) and key not in names and not as_color(key)]
        if unknown:
            raise TreeError(
                f"{source}: expected class ids, colors, or classes of {names}. Received: "
                f"{', '.join(map(repr, unknown))}"
            )
        for key, node in nodes.items():
            id_ = names.index(key) if isinstance(key, str) and key in names else key
            given.append((id_, names[id_] if is_integer(id_, 0) and id_ < len(names) else "", node))
        ids = [id_ for id_, _, _ in given]
        missing = [(id_, name, "") for id_, name in enumerate(names) if id_ not in ids]
        rows = sorted(given + missing, key=lambda row: row[0] if is_integer(row[0]) else -1)
        return cls(rows, source)._drawn_in(colors or {})

    @property
    def has_colors(self) -> bool:
        return any(as_color(row[0]) for row in self.rows)

    @property
    def unmapped(self) -> tuple:
        return tuple(row for row in self.rows if not row[2])

    def to_file(self, path: str | os.PathLike) -> None:
        """Writes the class table to a file that `from_file` reads."""
        pathlib.Path(path).write_text(f"{self}\n", "utf-8")

    @not_converted
    def apply(
        self, class_ids: ArrayLike, tree: ClassTree | str, ignore_class: int = 255, unmapped: str = "error"
    ) -> np.ndarray | Tensor:
        """Maps the class ids or colors of a label map to node indices.

        Args:
            class_ids: Integer array or tensor of class ids, of any shape; or of colors, `(..., 3)`, if the
                ids of the table are colors. It may be a tensor in a graph, as in `Dataset.map`.
            tree: `ClassTree`, or its text.
            ignore_class: Integer label of pixels to exclude. Defaults to 255.
            unmapped: `"error"` (the default), or `"ignore"` to label pixels `ignore_class` if their class
                is unmapped or not in the table.

        Returns:
            Int32 array or tensor of node indices and `ignore_class`. It has the shape of `class_ids`, without the
            last axis for colors.

        Raises:
            ValueError: If `class_ids` does not have an integer dtype, or holds an id that is not in the table. The
                error gives the number of pixels per id. In a graph it is a `tf.errors.InvalidArgumentError`.
            TreeError: If a class is unmapped, or its node is not in the tree.

        Example:

        >>> void_last = ClassMap.from_dict({0: "person", 1: "rider", 2: "ignore"})
        >>> void_last.apply(np.array([[0, 2], [1, 1]]), ClassTree.from_text("human\\n\\tperson\\n\\trider"))
        array([[  0, 255],
               [  1,   1]], dtype=int32)
        """
        import tensorflow as tf

        check_arguments("ClassMap.apply", unmapped=unmapped)
        tree = as_class_tree(tree)
        ignore_class = check_ignore_class("ClassMap.apply", tree, ignore_class)
        is_tensor = tf.is_tensor(class_ids)
        class_ids = class_ids if is_tensor else np.asarray(class_ids)
        dtype = tf.as_dtype(class_ids.dtype)
        if not dtype.is_integer:
            raise ValueError(
                f"`ClassMap.apply` expects integers as `class_ids`. Received: class_ids.dtype={dtype.name}. Cast whole "
                "numbers to an integer dtype first."
            )
        if self.has_colors and (not class_ids.shape or class_ids.shape[-1] != 3):
            raise ValueError(
                f"`ClassMap.apply` expects colors, (..., 3), as the ids of {self.source} are colors. Received: "
                f"class_ids.shape={tuple(class_ids.shape)}. Convert the label map to RGB first."
            )
        nodes = self.node_of_class_id(tree, ignore_class, unmapped)
        table = NodeTable(nodes, ignore_class if unmapped == "ignore" else None, colors=self.has_colors)
        values = tf.cast(class_ids, tf.int64)
        if self.has_colors:
            values = checked_color_codes(values)
        nodes = table.look_up(values, tf.constant(self.source))
        return nodes if is_tensor else np.asarray(nodes)

    def node_of_class_id(self, tree: ClassTree, ignore_class: int, unmapped: str = "error") -> dict[int, int]:
        """Makes a dict from class ids to node indices.

        Args:
            tree: `ClassTree`.
            ignore_class: Integer label of pixels to exclude.
            unmapped: `"error"` (the default), or `"ignore"` to map unmapped classes to `ignore_class`.

        Returns:
            Dict from class ids, or the integers of colors, to node indices or `ignore_class`.

        Raises:
            TreeError: If a class is unmapped, or its node is not in the tree. The error lists all such classes.
        """
        nodes, problems = {}, []
        for class_id, name, node, *_ in self.rows:
            place = f"{self.source}: class id {class_id} ({name!r})" if name else f"{self.source}: class id {class_id}"
            code = color_code(class_id) if as_color(class_id) else class_id
            if node == IGNORE or not node and unmapped == "ignore":
                nodes[code] = ignore_class
            elif not node:
                problems.append(f"{place}: expected a node or {IGNORE!r}. Received: none")
            else:
                try:
                    nodes[code] = tree.index(node)
                except TreeError as error:
                    problems.append(f"{place}: {error}")
        if problems:
            problems.append(f"Map every class to a node or to {IGNORE!r}.")
            raise TreeError(problems)
        warn_of_repeated_names(self.source, tree, nodes.values())
        return nodes

    def _drawn_in(self, colors):
        """Returns the table with colors to draw classes in, a dict from id, name or color to color."""
        keys = {(as_color(key) or key): color for key, color in colors.items()}
        known = {key for row in self.rows for key in row[:2]} - {""}
        unknown = [key for key in keys if key not in known]
        if unknown:
            raise TreeError(f"{self.source}: expected colors of classes in the table. Received: {unknown}")
        rows = [(*row[:3], keys.get(row[0], keys.get(row[1], ""))) for row in self.rows]
        return type(self)(rows, self.source, self.has_ids)

    def __str__(self) -> str:
        text = io.StringIO()
        header = _HEADER[: len(self.rows[0]) if self.rows else 3]
        csv.writer(text, lineterminator="\n").writerows([header, *self.rows])
        return text.getvalue().rstrip("\n")


def _row(id_, name, node, color=""):
    return as_color(id_) or id_, str(name or ""), str(node or ""), as_color(color) or color or ""


def _is_row(cells, header, has_ids):
    """Returns whether the cells of a line are a row. The last cell, a color, may be missing."""
    id_, color = cells[0], cells[3] if len(cells) > 3 else ""
    is_id = id_.isdecimal() or as_color(id_) is not None if has_ids else not id_
    return 3 <= len(cells) <= len(header) and is_id and (not color or as_color(color) is not None)


def _explained(cells, header):
    has_bad_color = len(header) > 3 and len(cells) > 3 and cells[3] and as_color(cells[3]) is None
    return " with a color such as #800000" if has_bad_color else ""
