"""Aligns rows of text in columns."""

import unicodedata
from collections.abc import Sequence

_GAP = "  "
# Characters that take two columns of a terminal, and those that take none.
_WIDE, _COMBINING = ("W", "F"), ("Mn", "Me", "Cf")


def text_table(rows: Sequence[Sequence[str]], align: str) -> list[str]:
    """Aligns rows of text in columns, which are as wide as their longest cell.

    Args:
        rows: List of rows, each a list of strings.
        align: String with one character per column: `"l"` for left, `"r"` for right.

    Returns:
        List of lines without spaces at the end.

    Example:

    >>> from hierseg_keras.messages.text_table import text_table
    >>> print(*text_table([("class", "IoU"), ("sky", "0.981"), ("person", "0.7")], "lr"), sep="\\n")
    class     IoU
    sky     0.981
    person    0.7
    """
    widths = [max(map(_width, column)) for column in zip(*rows)]
    return [_GAP.join(map(_padded, row, widths, align)).rstrip() for row in rows]


def _padded(cell, width, side):
    space = " " * (width - _width(cell))
    return cell + space if side == "l" else space + cell


def _width(cell):
    """Returns the number of columns that a terminal shows a text in."""
    return sum(
        0 if unicodedata.category(one) in _COMBINING else 2 if unicodedata.east_asian_width(one) in _WIDE else 1
        for one in cell
    )
