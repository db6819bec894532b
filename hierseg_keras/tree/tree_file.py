"""Reads a class tree from a file, in the format of its suffix."""

import collections
import json
import pathlib

from hierseg_keras.tree.other_formats import JSON_SUFFIX, REMEDY, format_of_file
from hierseg_keras.tree.outline import check_byte_order_mark, outline_from_dict, outline_from_paths, outline_from_text
from hierseg_keras.tree.tree_error import TreeError

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def outline_from_file(path):
    """Reads JSON from a `.json` file and indented text from others. A suffix of another format is an error."""
    path = pathlib.Path(path)
    form = format_of_file(path)
    if form == "YAML":
        raise TreeError(f"{path}: YAML is not supported. Pass what `yaml.safe_load` returns to `ClassTree.from_dict`")
    if form:
        raise TreeError(f"{path}: {form} is not supported. {REMEDY}")
    if path.is_dir():
        raise IsADirectoryError(f"`ClassTree.from_file` expects a file. Received: the folder {path}.")
    text = _decoded(path.read_bytes(), path)
    if path.suffix.lower() == JSON_SUFFIX:
        return outline_from_json(text, str(path))
    return outline_from_text(text, str(path))


def outline_from_json(text, source):
    """Reads a JSON object as `outline_from_dict` does, or a list as `outline_from_paths` does."""
    check_byte_order_mark(text, source)
    repeated = []

    def checked_object(pairs):
        repeated.extend(key for key, count in collections.Counter(key for key, _ in pairs).items() if count > 1)
        return dict(pairs)

    try:
        tree = json.loads(text, object_pairs_hook=checked_object)
    except json.JSONDecodeError as error:
        received = f"{error.msg} at column {error.colno}"
        raise TreeError(f"{source}:{error.lineno}: expected valid JSON. Received: {received}") from None
    except (RecursionError, ValueError) as error:
        raise TreeError(f"{source}: expected JSON that can be read. Received: {error}") from None
    if repeated:
        raise TreeError([f"{source}: the key {key!r} occurs more than once in one JSON object" for key in repeated])
    if isinstance(tree, dict):
        return outline_from_dict(tree, source)
    if isinstance(tree, list):
        return outline_from_paths(tree, source=source)
    raise TreeError(f"{source}: expected a JSON object of classes or a list of paths. Received: {tree!r}")


def _decoded(data, path):
    if data.startswith(_UTF_16):
        raise TreeError(f"{path}: expected UTF-8 text. Received: UTF-16. Save the file as UTF-8")
    if b"\x00" in data:
        raise TreeError(f"{path}: expected UTF-8 text. Received: zero bytes, as in binary files and UTF-16")
    try:
        # With a byte order mark, as some editors on Windows write it.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        received = f"{error.reason} at byte {error.start}"
        raise TreeError(f"{path}: expected UTF-8 text. Received: {received}. Save the file as UTF-8") from None
