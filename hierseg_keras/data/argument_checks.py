"""Checks all arguments of `hierseg_keras.data` that are numbers, sizes or choices."""

import math
import numbers

import numpy as np


def check_arguments(function, **arguments):
    """Checks the values of arguments against the table below.

    Args:
        function: Name of the function, for errors.
        **arguments: Values by argument name. Every name must be in the table.

    Raises:
        ValueError: If any value is not accepted. The error has one line per such argument.
    """
    problems = [
        f"`{function}` expects {expected} as `{name}`. Received: {name}={arguments[name]!r}."
        for name, (expected, accepts) in _ACCEPTED.items()
        if name in arguments and not accepts(arguments[name])
    ]
    if problems:
        raise ValueError("\n".join(problems))


def is_integer(value, smallest=-(2**63)):
    """Returns whether a value is a Python or NumPy integer that fits 64 bits. A bool is not an integer here."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and smallest <= value < 2**63


def is_number(value, above=-math.inf):
    """Returns whether a value is a finite Python or NumPy number. A bool is not a number here."""
    is_real = isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
    return is_real and math.isfinite(value) and value > above


def is_pair(value, of):
    return isinstance(value, (tuple, list, np.ndarray)) and len(value) == 2 and all(map(of, value))


def _is_positive_integer(value):
    return is_integer(value, smallest=1)


def _is_positive(value):
    return is_number(value, above=0)


def _is_size(value):
    return is_pair(value, of=_is_positive_integer)


def _are(values, of):
    return isinstance(values, (tuple, list, np.ndarray)) and all(map(of, values))


def _is_node(value):
    return isinstance(value, str) or is_integer(value, smallest=0)


def _is_bool(value):
    return isinstance(value, (bool, np.bool_))


def _is_dict(value):
    return hasattr(value, "items")


def _or_none(accepts):
    return lambda value: value is None or accepts(value)


_INTEGER_ABOVE_0 = ("an integer above 0", _is_positive_integer)
_BOOL = ("True or False", _is_bool)
_BY_NAME = ("a dict from a data set's name, or None,", _or_none(_is_dict))
# Argument name -> the expectation, as errors phrase it, and a function that checks a value.
_ACCEPTED = {
    "training": _BOOL,
    "batch_size": _INTEGER_ABOVE_0,
    "size": (
        "a pair (height, width) of integers above 0, one integer above 0, or None",
        _or_none(lambda value: _is_positive_integer(value) or _is_size(value)),
    ),
    "crop_size": ("a pair (height, width) of integers above 0, or None,", _or_none(_is_size)),
    "scale_range": (
        "a pair (smallest, largest) of numbers above 0, or None,",
        _or_none(lambda value: is_pair(value, of=_is_positive) and value[0] <= value[1]),
    ),
    "flip": _BOOL,
    "seed": ("a 64-bit integer", is_integer),
    "initial_epoch": ("an integer of at least 0", lambda value: is_integer(value, smallest=0)),
    "epoch": ("an integer of at least 0", lambda value: is_integer(value, smallest=0)),
    "first_batch": ("an integer of at least 0", lambda value: is_integer(value, smallest=0)),
    "shuffle_buffer": _INTEGER_ABOVE_0,
    "weights": ("one number above 0 per data set, or None,", _or_none(lambda value: _are(value, _is_positive))),
    "batch_shares": (
        "one integer above 0 per data set, or None,",
        _or_none(lambda value: _are(value, _is_positive_integer)),
    ),
    "batch_part": (
        "a pair (i, n) of integers with 0 <= i < n, or None,",
        _or_none(lambda value: is_pair(value, of=is_integer) and 0 <= value[0] < value[1]),
    ),
    "label_levels": (
        "a level of the tree, an integer above 0, or one per data set",
        lambda value: _is_positive_integer(value) or _are(value, _is_positive_integer),
    ),
    "class_maps": _BY_NAME,
    "unmapped": ('"error" or "ignore"', lambda value: isinstance(value, str) and value in ("error", "ignore")),
    "features": _BY_NAME,
    "flip_pairs": (
        "a list of pairs of nodes, or None,",
        _or_none(lambda value: _are(value, lambda pair: is_pair(pair, of=_is_node))),
    ),
    "max_depth": ("meters, a number above 0, or None,", _or_none(_is_positive)),
    "max_class_share": (
        "a number between 0 and 1, or None,",
        _or_none(lambda value: is_number(value, above=0) and value < 1),
    ),
    "distort_colors": _BOOL,
    "share": ("a number between 0 and 1", lambda value: is_number(value, above=0) and value < 1),
    "val_share": ("a number between 0 and 1", lambda value: is_number(value, above=0) and value < 1),
    "beta": ("a number between 0 and 1, or None,", _or_none(lambda value: is_number(value, above=0) and value < 1)),
}
