"""Integer counts of pixels that hold beyond 32 bits on every backend."""

import keras
import numpy as np
from keras import ops

# One count is `high * _BASE + low`. JAX has no 64-bit integers unless asked, and with this base
# neither half overflows 32 bits: not when 127 replicas are summed, not below 2^55 pixels.
_BASE = 1 << 24


class PixelCounter:
    """An array of counts in a metric's variables.

    Args:
        metric: The `keras.metrics.Metric` that owns the variables.
        shape: Tuple of integers.
        name: Name of the counts.
    """

    def __init__(self, metric: keras.metrics.Metric, shape: tuple[int, ...], name: str):
        self.dtype = "int64" if keras.backend.backend() == "tensorflow" else "int32"
        self._low = metric.add_variable(shape, "zeros", dtype=self.dtype, name=f"{name}_low")
        self._high = metric.add_variable(shape, "zeros", dtype=self.dtype, name=f"{name}_high")

    def add(self, batch):
        """Adds a batch's counts, an integer tensor of the shape, each below 2^31 - 2^24."""
        low = self._low + ops.cast(batch, self.dtype)
        self._high.assign(self._high + low // _BASE)
        self._low.assign(low % _BASE)

    def total(self):
        """The counts as a float32 tensor."""
        return ops.cast(self._high, "float32") * _BASE + ops.cast(self._low, "float32")

    def exact(self) -> np.ndarray:
        """The counts as an int64 NumPy array, exact however large."""
        high, low = (ops.convert_to_numpy(value).astype(np.int64) for value in (self._high, self._low))
        return high * _BASE + low
