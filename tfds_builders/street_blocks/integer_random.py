"""Random integers for drawing a scene."""

import numpy as np


class IntegerRandom:
    """Makes random choices by one seeded generator.

    Only `Generator.integers` is used, because floats may differ in their last bit between machines,
    and the records must be identical everywhere.

    Args:
        seed: Sequence of non-negative integers.
    """

    def __init__(self, seed):
        self._generator = np.random.default_rng(list(seed))
        self._drawn = []

    def between(self, low, high):
        """Draws an integer in `[low, high]`, both ends included; `high - low` must be far below 2^32."""
        if not self._drawn:
            # One call of the generator takes as long for one number as for a thousand.
            self._drawn = self._generator.integers(0, 2**32, 1024).tolist()
        return low + self._drawn.pop() % (high - low + 1)

    def chance(self, percent):
        """Draws a bool that is true with a probability of `percent`."""
        return self.between(0, 99) < percent

    def one_of(self, choices):
        """Draws an item of a sequence."""
        return choices[self.between(0, len(choices) - 1)]

    def noise(self, amplitude, shape):
        """Draws an int32 array of `shape` with integers in `[-amplitude, amplitude]`, most often near 0."""
        drawn = self._generator.integers(-amplitude, amplitude + 1, (2, *shape), dtype=np.int32)
        return (drawn[0] + drawn[1]) // 2

    def color_near(self, color, spread):
        """Draws a color whose channels are within `spread` of those of `color`, and within 0 .. 255."""
        return tuple(min(255, max(0, channel + self.between(-spread, spread))) for channel in color)
