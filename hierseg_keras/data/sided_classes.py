"""Finds classes that a horizontal flip exchanges, such as a left and a right arm."""

import re

_SIDE = re.compile(r"(?<![^\W_])(left|right)(?![^\W_])")
_OTHER = {"left": "right", "right": "left"}


def sided_classes(paths):
    """Returns the pairs of class paths that are equal once the words left and right are exchanged.

    Args:
        paths: Sequence of strings, such as `"body/left_arm"`.

    Returns:
        List of pairs of strings, that with the left side first.
    """
    by_name = {path.casefold(): path for path in paths}
    pairs = []
    for name, path in by_name.items():
        other = by_name.get(_SIDE.sub(lambda side: _OTHER[side[0]], name))
        if other is not None and _SIDE.search(name) and _SIDE.search(name)[0] == "left":
            pairs.append((path, other))
    return pairs
