"""Recognizes integers, which floats and bools are not, and sizes of images."""

import operator

import numpy as np


def exact_integer(value):
    """Returns a Python or NumPy integer as an `int`, and `None` for anything else.

    Floats (also whole numbers such as 3.0) and bools are not accepted: a float among indices is
    more often the result of a wrong computation than an index.
    """
    # NumPy 2.0 takes its own bools for indices.
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def is_count(value):
    """Returns whether a value is an integer of at least 1."""
    return exact_integer(value) is not None and value >= 1


def is_size(value):
    """Returns whether a value is a pair of integers of at least 1, such as a height and a width."""
    return hasattr(value, "__len__") and not isinstance(value, str) and len(value) == 2 and all(map(is_count, value))
