"""The error about files of a data set."""

import numpy as np

from hierseg_keras.tree.capped_list import capped, counted

SHOWN_PROBLEMS = 50


class ImageFileError(ValueError):
    """Raised for files from which a data set cannot be prepared.

    Args:
        problems: String or list of strings, one per problem. Each names its file.

    Attributes:
        problems: List of all problems. The message shows the first 50.
    """

    def __init__(self, problems):
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(capped(self.problems, SHOWN_PROBLEMS)))


def counted_pixels(values, name=str):
    """Lists every value of an array once, with its pixel count; `name` is a function from a value to its text."""
    return counted(*np.unique(values, return_counts=True), name)
