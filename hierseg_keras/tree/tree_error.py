"""The error that a malformed class tree raises."""

from collections.abc import Iterable

from hierseg_keras.messages.capped_list import capped

SHOWN_PROBLEMS = 50


class TreeError(ValueError):
    """Raised for a class tree that cannot be built, or a node that is not in a tree.

    Args:
        problems: String or list of strings, one per problem found. Each begins with its place
            (`file:line`) if there is one.

    Attributes:
        problems: List of all problems. The message shows the first 50.
    """

    def __init__(self, problems: str | Iterable[str]):
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(capped(self.problems, SHOWN_PROBLEMS)))
