"""Values that can be looked at before anything runs: of arrays and eager tensors, not of tensors in a graph."""

import numpy as np
from keras import ops


def known_values(x):
    """The values of `x` as a NumPy array; `None` if `x` is a tensor in a graph, which has none yet."""
    if isinstance(x, np.ndarray):
        return x
    try:
        return ops.convert_to_numpy(x)
    # Each backend has an error of its own for a tensor in a graph.
    except Exception:
        return None
