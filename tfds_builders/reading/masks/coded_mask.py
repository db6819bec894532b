"""A decoded mask whose numbers are not yet class ids."""

import dataclasses
from collections.abc import Callable

import numpy as np

# The class of pixels that no shape, segment or binary mask covers, named as in labelme.
BACKGROUND = "_background_"


@dataclasses.dataclass(frozen=True)
class CodedMask:
    """A mask of codes, each of which stands for a class.

    Attributes:
        path: Path of the file, for errors.
        codes: Integer array `(H, W)`.
        classes_of: Function from a code to the tuple of its classes. A code has more than one class if binary
            masks overlap, and none if the file does not say what it stands for. A class is a tuple of keys that stand
            for the same class, such as `(7, "car")`.
        name: Function from a code to its text in errors.
    """

    path: object
    codes: np.ndarray
    classes_of: Callable
    name: Callable = str


class Runs:
    """The runs of equal values in an array.

    Masks have long runs of equal values. It is faster to look up one value per run than one per pixel.

    Args:
        codes: Integer array of any shape.

    Attributes:
        codes: Array of the different values, sorted.
        counts: Int64 array, the number of pixels of each value in `codes`.
        numbers: Int64 array, the number of runs of each value in `codes`.
    """

    def __init__(self, codes):
        flat = codes.ravel()
        starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]) if flat.size else [])
        self._shape, self._lengths = codes.shape, np.diff(starts, append=flat.size)
        self.codes, self._index = np.unique(flat[starts], return_inverse=True)
        self.numbers = np.bincount(self._index, minlength=len(self.codes))
        self.counts = np.bincount(self._index, self._lengths, len(self.codes)).astype(np.int64)

    def replaced(self, values):
        """Returns the array with `codes[i]` replaced by `values[i]`."""
        return np.repeat(np.asarray(values)[self._index], self._lengths).reshape(self._shape)
