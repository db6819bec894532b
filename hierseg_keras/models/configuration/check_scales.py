"""The check of factors by which images are resized."""

import math

import numpy as np


def check_scales(model, scales):
    """Returns scales as a tuple of floats.

    Raises:
        ValueError: If there is none, or one is not finite and above 0. The error names the model.
    """
    factors = tuple(map(float, scales)) if np.iterable(scales) else ()
    if not factors or not all(0 < factor < math.inf for factor in factors):
        raise ValueError(f"`{model}` expects at least one scale, all above 0 and finite. Received: scales={scales!r}.")
    return factors
