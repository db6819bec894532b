"""Checks that an outline is a tree, whatever format it was read from."""

import re

from hierseg_keras.arguments.exact_integer import exact_integer
from hierseg_keras.tree.ignore_class import IGNORE
from hierseg_keras.tree.other_formats import sign_in_name
from hierseg_keras.tree.tree_error import TreeError

_INDEX_SUFFIX = re.compile(r"=\s*[+-]?\d+$")
_COMMENT = re.compile(r"(^|\s)#")
# Control characters, and surrogates, which UTF-8 cannot encode.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ufeff\ud800-\udfff]")


def check_outline(outline, is_leaf):
    """Raises one `TreeError` with all problems of the outline, including those found while reading it.

    Args:
        outline: `Outline`.
        is_leaf: Bool array `(V,)`.

    Raises:
        TreeError: If there is any problem.
    """
    problems = [
        *outline.problems,
        *_name_problems(outline),
        *_path_problems(outline),
        *_index_problems(outline, is_leaf),
    ]
    if problems:
        raise TreeError(problems)


def _name_problems(outline):
    for name, parent, place in zip(outline.names, outline.parents, outline.places):
        if not name or name != name.strip():
            yield f"{place}: a class name must not be empty, nor begin or end with white space. Received: {name!r}"
        elif "/" in name or _CONTROL.search(name):
            yield f"{place}: a class name must not contain '/', which joins paths, or a control character: {name!r}"
        elif _INDEX_SUFFIX.search(name):
            yield f"{place}: a class name must not end in '= n', which gives a leaf its index. Received: {name!r}"
        elif _COMMENT.search(name):
            yield (
                f"{place}: a class name must not contain a '#' at its beginning or after white space, which would "
                f"begin a comment. Received: {name!r}. Put the comment on a line of its own"
            )
        elif name == IGNORE and parent < 0:
            yield (
                f'{place}: a top class must not be named {IGNORE!r}, which means "no label" in a class table. Rename '
                "it, or remove it: pixels without a label need no class"
            )
        elif sign := sign_in_name(name):
            yield f"{place}: a class name must not {sign[1]}, as in {sign[0]}. Received: {name!r}"


def _path_problems(outline):
    first = {}
    for key, place in zip(zip(outline.parents, outline.names), outline.places):
        if key in first:
            yield f"{place}: duplicate path: {key[1]!r} is under the same parent at {first[key]}"
        first.setdefault(key, place)


def _index_problems(outline, is_leaf):
    num_leaves, given, missing = int(is_leaf.sum()), {}, []
    for leaf, name, index, place in zip(is_leaf, outline.names, outline.indices, outline.places):
        if not leaf:
            if index is not None:
                yield f"{place}: {name!r} has children, and only a leaf has an index. Received: = {index}"
        elif index is None:
            missing.append((name, place))
        elif exact_integer(index) is None:
            continue  # Reported by the reader.
        elif not 0 <= index < num_leaves:
            yield f"{place}: the index of {name!r} must be between 0 and {num_leaves - 1}. Received: = {index}"
        elif index in given:
            yield f"{place}: index {index} is used twice, by {given[index]} and by {name!r}: a class has one parent"
        else:
            given[index] = f"{name!r} at {place}"
    if missing and any(index is not None for index in outline.indices):
        for name, place in missing:
            yield f"{place}: leaf {name!r} has no index, but other leaves do. Give an index to every leaf or to none"
