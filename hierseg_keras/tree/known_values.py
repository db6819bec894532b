"""Reads the values of arrays and eager tensors. Tensors in a graph have no values yet."""

import numpy as np
from keras import ops


def known_values(x):
    """Returns the values of `x` as a NumPy array, or `None` if `x` is a tensor in a graph."""
    if isinstance(x, np.ndarray):
        return x
    try:
        return ops.convert_to_numpy(x)
    # Each backend raises an error of its own for a tensor in a graph.
    except Exception:
        return None
