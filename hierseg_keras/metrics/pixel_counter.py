"""Exact integer counts of pixels, which may exceed 32 bits on every backend."""

import keras
import numpy as np
from keras import ops

# One count is `high * _BASE + low`, because JAX has no 64-bit integers by default. With this base, neither half
# overflows 32 bits for up to 127 replicas and fewer than 2^55 pixels.
_BASE = 1 << 24


class PixelCounter:
    """Stores an array of counts in variables of a metric.

    Args:
        metric: The `keras.metrics.Metric` that owns the variables.
        shape: Tuple of integers.
        name: Prefix for the names of the variables.
    """

    def __init__(self, metric: keras.metrics.Metric, shape: tuple[int, ...], name: str):
        # Int64 on TensorFlow, and int32 on JAX. TensorFlow keeps int32 variables on the CPU, where a step that XLA
        # compiles for a GPU cannot read them.
        self.dtype = "int"
        self._low = metric.add_variable(shape, "zeros", dtype=self.dtype, name=f"{name}_low")
        self._high = metric.add_variable(shape, "zeros", dtype=self.dtype, name=f"{name}_high")

    def add(self, batch):
        """Adds the counts of a batch, an integer tensor of the same shape. Each must be below 2^31 - 2^24."""
        low = self._low + ops.cast(batch, self.dtype)
        self._high.assign(self._high + low // _BASE)
        self._low.assign(low % _BASE)

    def total(self):
        """Returns the counts as a float32 tensor."""
        return ops.cast(self._high, "float32") * _BASE + ops.cast(self._low, "float32")

    def exact(self) -> np.ndarray:
        """Returns the exact counts as an int64 NumPy array."""
        high, low = (ops.convert_to_numpy(value).astype(np.int64) for value in (self._high, self._low))
        return high * _BASE + low
