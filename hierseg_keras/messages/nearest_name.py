"""Suggests a known name in place of an unknown one."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: object, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Returns a sentence that suggests the most similar known name.

    Args:
        name: Unknown name. Anything else than a string is compared as text.
        known: Known names.
        cutoff: Smallest similarity of the suggestion, from 0 to 1. Defaults to 0.6.

    Returns:
        String that begins with a space, or an empty string if no name is similar.

    Example:

    >>> from hierseg_keras.messages.nearest_name import did_you_mean
    >>> did_you_mean("cityscape", ["camvid", "cityscapes"])
    " Did you mean 'cityscapes'?"
    """
    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=cutoff)
    return f" Did you mean {close[0]!r}?" if close else ""
