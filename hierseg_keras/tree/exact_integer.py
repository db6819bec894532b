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
