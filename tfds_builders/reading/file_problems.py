"""The error about a user's files, and what it counts."""

import numpy as np

from hierseg_keras.tree.capped_list import capped, counted

SHOWN_PROBLEMS = 50


class ImageFileError(ValueError):
    """Files on disk that cannot make up the data set.

    Args:
        problems: A string, or a list of them: every problem found, each naming its file.

    Attributes:
        problems: The same as a list, whole; the message shows the first 50.
    """

    def __init__(self, problems):
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(capped(self.problems, SHOWN_PROBLEMS)))


def counted_pixels(values, name=str):
    """Lists every value of an array once, with its pixel count; `name` is a function from a value to its text."""
    return counted(*np.unique(values, return_counts=True), name)
