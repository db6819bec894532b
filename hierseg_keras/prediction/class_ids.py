"""Converts node indices to the class ids of a data set."""

import dataclasses
import os
import warnings

import numpy as np

from hierseg_keras.data import ClassMap
from hierseg_keras.data.class_ids import node_of_class_id
from hierseg_keras.data.class_map import IGNORE
from hierseg_keras.data.colors import color_name, rgb
from hierseg_keras.messages.nearest_name import did_you_mean
from hierseg_keras.tree import TreeError
from hierseg_keras.visualization.colors import unlabeled_color

LABEL_IDS, TRAIN_IDS = "labelIds", "trainIds"
_NAMES = (LABEL_IDS, TRAIN_IDS, "dataset")
# The result of `ClassMap` for an id that means "no label", and the number of a node without an id.
_NO_NODE, _NO_ID = -1, -1
_MOST_NAMED = 5
# A palette has 256 colors, one of which is that of pixels without a class.
_MOST_COLORS = 255
_BLACK = (0, 0, 0)


@dataclasses.dataclass(frozen=True)
class WrittenIds:
    """What class maps contain.

    Attributes:
        numbers: Int64 array `(V,)`, the number of each node; -1 for nodes without an id.
        colors: Uint8 array `(V, 3)`, if the ids are colors. The numbers are then node indices.
        ignored_color: Color of pixels without a class, if the ids have one. Otherwise it is that of pictures.
        source: Name of the ids in errors.
    """

    numbers: np.ndarray
    colors: np.ndarray | None = None
    ignored_color: tuple[int, int, int] | None = None
    source: str = "node indices"

    def node_colors(self, colors):
        """Returns the colors of nodes in class maps, `(V, 3)`, where those of pictures are `colors`."""
        return colors if self.colors is None else self.colors

    def color_without_class(self, colors):
        """Returns the color of pixels without a class, uint8 `(3,)`, where the colors of pictures are `colors`."""
        if self.ignored_color is not None:
            return np.array(self.ignored_color, np.uint8)
        return unlabeled_color(self.node_colors(colors))

    def palette(self, colors):
        """Returns the color of every number below 256, `(256, 3)`, where the colors of pictures are `colors`."""
        # With all 256 entries, a pixel always has 8 bits.
        palette = np.tile(self.color_without_class(colors), (256, 1))
        colors = self.node_colors(colors)
        is_written = (self.numbers >= 0) & (self.numbers < len(palette))
        palette[self.numbers[is_written]] = colors[is_written]
        return palette


def written_ids(tree, ids):
    """Returns the `WrittenIds` of a tree.

    Args:
        tree: `ClassTree`.
        ids: As in `predict_files`.

    Raises:
        ValueError: If the ids are colors and the tree has more than 255 nodes, or `ids` is no file and no known name.
        TreeError: If a class table has a node that is not in the tree.
        OSError: If the file of a class table cannot be read.
    """
    if ids is None:
        return WrittenIds(np.arange(tree.num_nodes))
    if isinstance(ids, str) and ids == TRAIN_IDS:
        is_leaf = np.arange(tree.num_nodes) < tree.num_leaves
        return WrittenIds(np.where(is_leaf, np.arange(tree.num_nodes), _NO_ID), source=TRAIN_IDS)
    if isinstance(ids, str) and ids == LABEL_IDS:
        return WrittenIds(_first_ids(tree, _cityscapes_nodes(tree), LABEL_IDS), source=LABEL_IDS)
    class_map = ids if isinstance(ids, ClassMap) else _read(ids)
    nodes = class_map.node_of_class_id(tree, _NO_NODE, unmapped="ignore")
    if class_map.has_colors:
        return _color_ids(tree, nodes, class_map)
    return WrittenIds(_first_ids(tree, nodes, class_map.source), source=class_map.source)


def _color_ids(tree, nodes, class_map):
    if tree.num_nodes > _MOST_COLORS:
        raise ValueError(
            f"`ids` expects a class table whose ids are numbers for a tree of more than {_MOST_COLORS} nodes. "
            f"Received: {class_map.source}, whose ids are colors. Number the classes, or write node indices."
        )
    codes = _first_ids(tree, nodes, class_map.source, color_name)
    has_id = codes >= 0
    colors = np.array([rgb(color_name(code)) if code >= 0 else _BLACK for code in codes.tolist()], np.uint8)
    taken = set(map(tuple, colors[has_id].tolist()))
    ignored = (rgb(row[0]) for row in class_map.rows if row[2] == IGNORE)
    without_class = next((color for color in ignored if color not in taken), None)
    if without_class is None:
        # Only the colors that are written count.
        without_class = tuple(unlabeled_color(colors[has_id]).tolist())
    return WrittenIds(np.where(has_id, np.arange(tree.num_nodes), _NO_ID), colors, without_class, class_map.source)


def check_ids(tree, written, nodes, advice):
    """Checks that nodes have an id.

    Args:
        tree: `ClassTree`.
        written: `WrittenIds`.
        nodes: Integer array, the nodes that the maps to write may contain.
        advice: Last sentence of the error.

    Raises:
        ValueError: If a node has no id. The error names up to five of them.
    """
    missing = [tree.paths[node] for node in nodes if written.numbers[node] < 0]
    if missing:
        more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        raise ValueError(
            f"`ids` expects an id for every class of the maps to write. Received: {written.source}, without an id "
            f"for {', '.join(map(repr, missing[:_MOST_NAMED]))}{more}. {advice}"
        )


def _read(path):
    try:
        return ClassMap.from_file(path)
    except FileNotFoundError:
        raise ValueError(
            f"`ids` expects the path of a class table, {LABEL_IDS!r}, {TRAIN_IDS!r}, or dataset on the command line. "
            f"Received: {os.fspath(path)}, which is no file.{did_you_mean(os.fspath(path), _NAMES)}"
        ) from None


def _cityscapes_nodes(tree):
    from tfds_builders.cityscapes_tree.class_ids import class_paths

    try:
        return dict(enumerate(node_of_class_id(tree, class_paths(untrained_as_category=False), _NO_NODE).tolist()))
    except TreeError as error:
        raise ValueError(
            f"`ids` expects {LABEL_IDS!r} only for a tree with Cityscapes' classes. Received: a tree without them "
            f"({str(error).splitlines()[0]}). Pass a class table of your own."
        ) from None


def _first_ids(tree, nodes, source, name_of=str):
    """Inverts a dict from ids to nodes. If several ids have the same node, the first is used, and a warning says so."""
    numbers, further = np.full(tree.num_nodes, _NO_ID), {}
    for class_id, node in nodes.items():
        if node == _NO_NODE:
            continue
        if numbers[node] < 0:
            numbers[node] = class_id
        else:
            further.setdefault(node, []).append(class_id)
    if further:
        texts = [
            f"{name_of(numbers[node])} for {tree.paths[node]!r}, not {', '.join(map(name_of, others))}"
            for node, others in further.items()
        ]
        more = f"; and {len(texts) - _MOST_NAMED} more" if len(texts) > _MOST_NAMED else ""
        warnings.warn(
            f"{source} has several ids for a class. The first of them is written: {'; '.join(texts[:_MOST_NAMED])}"
            f"{more}.",
            stacklevel=4,
        )
    return numbers
