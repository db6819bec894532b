"""Palettes: official ones of data sets, that of PASCAL VOC, and a user's own."""

import csv
import functools
import importlib.resources
import io
import os
import pathlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from hierseg_keras.data.colors import as_color
from hierseg_keras.messages.nearest_name import did_you_mean
from hierseg_keras.tree import TreeError
from hierseg_keras.visualization.generated_palette import generated_palette
from hierseg_keras.visualization.oklab import color_of, lab_of

# A palette as functions take it; `None` is the official one of the tree, or otherwise the generated one.
Palette = str | os.PathLike | ArrayLike | Mapping | None

_OFFICIAL = importlib.resources.files("hierseg_keras.tree") / "taxonomies" / "palettes"
_NAMES = ("generated", "voc")
_COLUMNS = ("node", "color")
_NO_NODES = ("", "ignore")
_ADVICE = "Multiply colors in 0 .. 1 by 255, and round them."


def palette_colors(tree, palette):
    """Returns the colors of all nodes, `(V, 3)` uint8, as `node_colors` documents it."""
    if palette is None:
        leaves = _official_leaves(frozenset(tree.paths[: tree.num_leaves]))
        return generated_palette(tree) if leaves is None else _completed(tree, leaves)
    if isinstance(palette, str) and palette == "generated":
        return generated_palette(tree)
    if isinstance(palette, str) and palette == "voc":
        return _completed(tree, _voc_leaves(tree))
    if isinstance(palette, (str, os.PathLike)):
        return _completed(tree, _rows_of_file(palette), str(palette))
    if isinstance(palette, Mapping):
        return _completed(tree, palette, "palette")
    if hasattr(palette, "rows"):
        return _completed(tree, _rows_of_class_map(palette), getattr(palette, "source", "class table"))
    return _colors_of_array(tree, palette)


def _colors_of_array(tree, palette):
    colors = np.asarray(palette)
    is_valid = colors.shape in [(tree.num_nodes, 3), (tree.num_leaves, 3)] and colors.dtype.kind in "iu"
    if not is_valid or colors.min() < 0 or colors.max() > 255:
        numbers = f" in {colors.min()} .. {colors.max()}" if is_valid else ""
        raise ValueError(
            "`palette` expects 'generated', 'voc', the path of a CSV file, a dict, or an array of integers in 0 .. 255 "
            f"with one color per node, {(tree.num_nodes, 3)}, or per leaf, {(tree.num_leaves, 3)}. Received: an array "
            f"of shape {colors.shape} and dtype {colors.dtype}{numbers}. {_ADVICE}"
        )
    if len(colors) == tree.num_nodes:
        return colors.astype(np.uint8)
    return _completed(tree, dict(enumerate(colors.tolist())))


def _completed(tree, given, source="palette"):
    """Returns the colors of all nodes from a dict or list of pairs that gives those of some nodes."""
    given = {tree.index(node): _checked_color(color, node, source) for node, color in _reversed_items(given)}
    has_all_leaves = given.keys() >= set(range(tree.num_leaves))
    colors = np.zeros((tree.num_nodes, 3), np.uint8) if has_all_leaves else palette_colors(tree, None).copy()
    is_new = np.zeros(tree.num_nodes, bool)
    for node in np.argsort(-tree.depths, kind="stable").tolist():
        children = tree.children(node)
        if node in given:
            colors[node] = given[node]
        elif is_new[children].any():
            colors[node] = _joined(colors[children])
        is_new[node] = node in given or is_new[children].any()
    return colors


def _reversed_items(given):
    """Returns the pairs in reverse, because of several classes of one node the first gives the color."""
    return reversed(list(given.items() if isinstance(given, Mapping) else given))


def _checked_color(color, node, source):
    text = as_color(color)
    if text is None:
        raise ValueError(
            f"{source}: expected a color such as '#800000' or (128, 0, 0). Received: {color!r} for {node!r}."
        )
    return tuple(bytes.fromhex(text[1:]))


def _joined(colors):
    """Returns a color with the mean lightness and vividness of the colors, and with the hue of their mean."""
    if len(np.unique(colors, axis=0)) == 1:
        return colors[0]
    lab = lab_of(colors)
    lightness, *plane = lab.mean(axis=0)
    vividness = np.linalg.norm(lab[:, 1:], axis=1).mean() / max(np.linalg.norm(plane), 1e-9)
    # sRGB may have no color that is as vivid.
    for factor in np.linspace(vividness, 1, 9):
        color, is_displayable = color_of(np.array([lightness, factor * plane[0], factor * plane[1]]))
        if is_displayable:
            break
    return color


# === Where the colors of leaves come from ===


@functools.cache
def _official_leaves(leaf_paths):
    """Returns the official colors of the leaves with these paths, a dict, or `None`."""
    for file in _OFFICIAL.iterdir():
        colors = dict(_rows(file.read_text("utf-8"), file.name))
        if colors.keys() == leaf_paths:
            return colors
    return None


def _voc_leaves(tree):
    """Returns the colors of PASCAL VOC's label maps. VOC's class 0 is its background, and black."""
    first = 0 if tree.names[0].lower() == "background" else 1
    return {leaf: voc_color(leaf + first) for leaf in range(tree.num_leaves)}


def voc_color(number):
    """Returns the color of a class in PASCAL VOC's label maps.

    The bits of the number are dealt to red, green and blue in turn, each filled from its highest bit:

        red bit 7 - k = bit 3 k of number,    green bit 7 - k = bit 3 k + 1,    blue bit 7 - k = bit 3 k + 2
    """
    return tuple(sum((number >> 3 * k + channel & 1) << 7 - k for k in range(8)) for channel in range(3))


def _rows_of_file(path):
    try:
        # Spreadsheet programs write a byte order mark, which is no part of the first cell.
        text = pathlib.Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TreeError(f"{path}: expected UTF-8 text. Received: {error.reason} at byte {error.start}") from None
    except FileNotFoundError:
        raise FileNotFoundError(
            f"`palette` expects 'generated', 'voc' or the path of a CSV file. Received: {str(path)!r}, which is no "
            f"file.{did_you_mean(path, _NAMES) or ' Pass the path of an existing table.'}"
        ) from None
    return _rows(text, str(path))


def _rows(text, source):
    """Returns pairs of a node and its color: the column `color`, or colors in the column `id`."""
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    header = reader.fieldnames = [cell.strip() for cell in reader.fieldnames or ()]
    if "node" not in header or not {"color", "id"} & set(header):
        raise TreeError(
            f"{source}:1: expected a CSV table with the columns {' and '.join(_COLUMNS)}. Received: {header}"
        )
    return _pairs([(row["id"] if "id" in row else "", row["node"], row.get("color")) for row in reader])


def _rows_of_class_map(class_map):
    return _pairs([(row[0], row[2], row[3] if len(row) > 3 else "") for row in class_map.rows])


def _pairs(rows):
    """Returns the pairs of a node and a color of rows `(id, node, color)`, without those that lack one."""
    pairs = [((node or "").strip(), (color or "").strip() or as_color(id_) or "") for id_, node, color in rows]
    return [(node, color) for node, color in pairs if node not in _NO_NODES and color]
