"""Text in pictures: its width and height, line breaks, and legends."""

import functools
import re
import warnings

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

_POINTS_PER_INCH = 72
_BREAKS = re.compile(r"[\s/+,;_-]+")


def text_width(text, size):
    """Computes the width of a line of text in inches, at a font size in points."""
    return sum(map(_letter_width, text)) * size / _POINTS_PER_INCH


@functools.lru_cache(maxsize=8192)
def _letter_width(letter):
    """Computes a letter's width as a share of the font size."""
    # Measured between two letters, because Matplotlib measures a single space as 0.
    return _width(f"x{letter}x") - _width("xx")


def _width(text, size=100):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        return TextToPath().get_text_width_height_descent(text, FontProperties(size=size), ismath=False)[0] / size


def wrapped(text, size, width, indent=""):
    """Breaks text into lines of at most `width` inches, each of which begins with `indent`.

    Lines are broken after spaces and punctuation if possible, and otherwise inside words.
    """
    room = width - text_width(indent, size)
    lines = []
    while text:
        end = _longest_prefix(text, size, room)
        if end < len(text):
            end = max((match.end() for match in _BREAKS.finditer(text, 0, end)), default=end)
        lines.append(indent + text[:end].rstrip())
        text = text[end:].lstrip()
    return "\n".join(lines)


def _longest_prefix(text, size, width):
    """Returns the number of letters that fit into `width` inches, at least one."""
    for end in range(1, len(text)):
        width -= text_width(text[end - 1], size)
        if width < text_width(text[end], size):
            return end
    return len(text)


def total_height(texts, row, line):
    """Computes the height of stacked texts: `row` inches per text, and `line` inches per further line of a text."""
    return sum(row + line * text.count("\n") for text in texts)


def widest(texts, size):
    """Computes the width of the widest line of several texts, in inches."""
    return max(text_width(line, size) for text in texts for line in text.split("\n"))


def name_legend(owner, handles, names, **options):
    """Adds a legend that shows every name, including those that begin with an underscore.

    `owner.legend` leaves out labels that begin with an underscore.

    Args:
        owner: Figure or axes.
        handles: List of artists, one per name.
        names: List of strings.
        **options: Passed on to `owner.legend`.

    Returns:
        `matplotlib.legend.Legend`.
    """
    legend = owner.legend(list(handles), ["name"] * len(names), **options)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)
    return legend
