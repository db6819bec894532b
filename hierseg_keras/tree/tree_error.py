"""The one error that a malformed class tree raises."""

from hierseg_keras.tree.capped_list import capped

SHOWN_PROBLEMS = 50


class TreeError(ValueError):
    """A class tree that cannot be built, or a node that is not in it.

    Args:
        problems: List of strings, every problem found, each beginning with the place
            (`file:line`) where there is one.

    Attributes:
        problems: The same list, whole; the message shows the first 50.
    """

    def __init__(self, problems):
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(capped(self.problems, SHOWN_PROBLEMS)))
