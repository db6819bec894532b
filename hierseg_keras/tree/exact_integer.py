"""Integers that were given as integers."""

import operator


def exact_integer(value):
    """Returns a Python or NumPy integer as an `int`, and `None` for anything else.

    Floats, integral ones included, and truth values are not integers here: a float among indices
    is the result of a computation that went wrong more often than an index.
    """
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def is_count(value):
    """Whether a value is an integer from 1 on."""
    return exact_integer(value) is not None and value >= 1
