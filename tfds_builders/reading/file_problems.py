"""The error about files of a data set."""

import re

import numpy as np

from hierseg_keras.messages.capped_list import capped, counted

SHOWN_PROBLEMS = 50
# The number of further files that a line names.
_NAMED_FILES = 3
_NUM_PIXELS = re.compile(r" \(\d+ pixels?\)")


class ImageFileError(ValueError):
    """Raised for files from which a data set cannot be prepared.

    Args:
        problems: String or list of strings, one per problem. Each names its file.

    Attributes:
        problems: List of all problems.
        lines: List of the problems, where one that several files have is one line. The message shows the first 50.
    """

    def __init__(self, problems):
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        self.lines = _lines(self.problems)
        super().__init__("\n".join(capped(self.lines, SHOWN_PROBLEMS)))


def _lines(problems):
    """Returns the problems, with files that have the same one in one line, whatever their numbers of pixels are."""
    same = {}
    for problem in problems:
        _, _, text = problem.partition(": ")
        same.setdefault(_NUM_PIXELS.sub("", text) or problem, []).append(problem)
    return [_line(*found) for found in same.values()]


def _line(problem, *others):
    if not others:
        return problem
    names = [other.partition(": ")[0] for other in others]
    files = "1 more file has" if len(names) == 1 else f"{len(names)} more files have"
    return f"{problem.removesuffix('.')}. {files} this problem: {', '.join(capped(names, _NAMED_FILES))}"


def counted_pixels(values, name=str):
    """Lists every value of an array once, with its pixel count; `name` is a function from a value to its text."""
    return counted(*np.unique(values, return_counts=True), name)
