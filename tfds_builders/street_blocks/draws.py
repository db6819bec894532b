"""The random choices of a scene, all of them whole numbers."""

import numpy as np


class Draws:
    """Chooses by one seeded generator.

    Only `Generator.integers` is used: floats would differ in their last bit between machines,
    and the records are the same everywhere.

    Args:
        seed: Sequence of non-negative integers.
    """

    def __init__(self, seed):
        self._generator = np.random.default_rng(list(seed))

    def between(self, low, high):
        """An integer in `[low, high]`, both ends included."""
        return int(self._generator.integers(low, high + 1))

    def chance(self, percent):
        """Whether an event of this probability happens."""
        return self.between(0, 99) < percent

    def one_of(self, choices):
        """One of a sequence's items."""
        return choices[self.between(0, len(choices) - 1)]

    def noise(self, amplitude, shape):
        """Integers in `[-amplitude, amplitude]`, the middle most often, as an int64 array of `shape`."""
        return self._generator.integers(-amplitude, amplitude + 1, (2, *shape)).sum(axis=0) // 2

    def color_near(self, color, spread):
        """A colour whose channels each lie within `spread` of `color`, and within 0 .. 255."""
        return tuple(min(255, max(0, channel + self.between(-spread, spread))) for channel in color)
