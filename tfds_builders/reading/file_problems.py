"""The error about a user's files, and what it counts."""

import numpy as np

SHOWN_PROBLEMS = 50
SHOWN_VALUES = 20


class ImageFileError(ValueError):
    """Files on disk that cannot make up the data set.

    Args:
        problems: A string, or a list of them: every problem found, each naming its file.

    Attributes:
        problems: The same as a list, whole; the message shows the first 50.
    """

    def __init__(self, problems):
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        lines = self.problems[:SHOWN_PROBLEMS]
        if len(self.problems) > len(lines):
            lines.append(f"... and {len(self.problems) - len(lines)} more")
        super().__init__("\n".join(lines))


def counted(values, text=str):
    """Every value once, with its pixel count."""
    distinct, counts = np.unique(values, return_counts=True)
    shown = [f"{text(value)} ({count} px)" for value, count in zip(distinct[:SHOWN_VALUES], counts)]
    if len(distinct) > len(shown):
        shown.append(f"... and {len(distinct) - len(shown)} more")
    return ", ".join(shown)
