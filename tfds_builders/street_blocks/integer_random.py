"""The random choices of a scene, all of them whole numbers."""

import numpy as np


class IntegerRandom:
    """Chooses by one seeded generator.

    Only `Generator.integers` is used: floats may differ in their last bit between machines, and
    the records are the same everywhere.

    Args:
        seed: Sequence of non-negative integers.
    """

    def __init__(self, seed):
        self._generator = np.random.default_rng(list(seed))
        self._drawn = []

    def between(self, low, high):
        """An integer in `[low, high]`, both ends included; `high - low` is far below 2^32."""
        if not self._drawn:
            # A call of the generator costs as much for one number as for a thousand.
            self._drawn = self._generator.integers(0, 2**32, 1024).tolist()
        return low + self._drawn.pop() % (high - low + 1)

    def chance(self, percent):
        """Whether an event of this probability happens."""
        return self.between(0, 99) < percent

    def one_of(self, choices):
        """One of a sequence's items."""
        return choices[self.between(0, len(choices) - 1)]

    def noise(self, amplitude, shape):
        """Integers in `[-amplitude, amplitude]`, the middle most often, as an int32 array of `shape`."""
        drawn = self._generator.integers(-amplitude, amplitude + 1, (2, *shape), dtype=np.int32)
        return (drawn[0] + drawn[1]) // 2

    def color_near(self, color, spread):
        """A color whose channels each lie within `spread` of `color`, and within 0 .. 255."""
        return tuple(min(255, max(0, channel + self.between(-spread, spread))) for channel in color)
