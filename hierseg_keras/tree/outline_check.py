"""What an outline must satisfy to become a tree, checked once for every way of writing it."""

import re

from hierseg_keras.tree.exact_integer import exact_integer
from hierseg_keras.tree.other_formats import sign_in_name
from hierseg_keras.tree.tree_error import TreeError

_INDEX_SUFFIX = re.compile(r"=\s*[+-]?\d+$")
_COMMENT = re.compile(r"(^|\s)#")
# The surrogates cannot be written as UTF-8.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ufeff\ud800-\udfff]")


def check_outline(outline, is_leaf):
    """Raises one `TreeError` with every problem of the outline, those of its reading included.

    Args:
        outline: `Outline`.
        is_leaf: Bool array, one entry per node.
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
    for name, place in zip(outline.names, outline.places):
        if not name or name != name.strip():
            yield f"{place}: a class name must not be empty or begin or end in white space. Received: {name!r}"
        elif "/" in name or _CONTROL.search(name):
            yield f"{place}: a class name must hold no '/', which joins paths, and no control character: {name!r}"
        elif _INDEX_SUFFIX.search(name):
            yield f"{place}: a class name must not end in '= n', which gives a leaf its index. Received: {name!r}"
        elif _COMMENT.search(name):
            yield (
                f"{place}: a class name must not hold a '#' at its beginning or after white space, which begins a "
                f"comment. Received: {name!r}. A comment stands on a line of its own"
            )
        elif sign := sign_in_name(name):
            yield f"{place}: a class name must not {sign[1]}, as in {sign[0]}. Received: {name!r}"


def _path_problems(outline):
    first = {}
    for key, place in zip(zip(outline.parents, outline.names), outline.places):
        if key in first:
            yield f"{place}: duplicate path: {key[1]!r} stands under the same parent at {first[key]}"
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
            yield f"{place}: the index of {name!r} must lie in 0 .. {num_leaves - 1}. Received: = {index}"
        elif index in given:
            yield f"{place}: index {index} is given twice, to {given[index]} and to {name!r}: a class has one parent"
        else:
            given[index] = f"{name!r} at {place}"
    if missing and any(index is not None for index in outline.indices):
        for name, place in missing:
            yield f"{place}: leaf {name!r} has no index while others do. Give one to every leaf or to none"
