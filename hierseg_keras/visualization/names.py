"""Names in pictures: how wide they are, on several lines where they are too wide, and in legends."""

import functools
import re
import warnings

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

_POINTS_PER_INCH = 72
_BREAKS = re.compile(r"[\s/+,;_-]+")


def text_width(text, size):
    """Width of a line of text in inches, at a font size in points."""
    return sum(map(_letter_width, text)) * size / _POINTS_PER_INCH


@functools.lru_cache(maxsize=8192)
def _letter_width(letter):
    """As a share of the font size."""
    # A space alone has no width.
    return _width(f"x{letter}x") - _width("xx")


def _width(text, size=100):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        return TextToPath().get_text_width_height_descent(text, FontProperties(size=size), ismath=False)[0] / size


def wrapped(text, size, width, indent=""):
    """Text with line breaks, so that no line is wider than `width` inches.

    Lines are broken behind spaces and marks that join words, where there are any, and each begins
    with `indent`.
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
    """The number of letters that fit, at least one."""
    for end in range(1, len(text)):
        width -= text_width(text[end - 1], size)
        if width < text_width(text[end], size):
            return end
    return len(text)


def total_height(texts, row, line):
    """Height of texts below each other, of `row` inches each and `line` more per further line."""
    return sum(row + line * text.count("\n") for text in texts)


def tallest_column(texts, columns, row, line):
    """As `total_height`, of texts in a legend: it fills columns in turn, the first ones with one text more."""
    ends = np.cumsum([len(column) for column in np.array_split(np.arange(len(texts)), columns)])
    return max(total_height(texts[start:end], row, line) for start, end in zip([0, *ends], ends))


def widest(texts, size):
    """Width of the widest line among texts of several lines, in inches."""
    return max(text_width(line, size) for text in texts for line in text.split("\n"))


def name_legend(owner, handles, names, **options):
    """A legend of names as they are; Matplotlib would leave out those that begin with an underscore.

    Args:
        owner: Figure or axes.
        handles: One artist per name.
        names: Strings.
        options: As in `owner.legend`.

    Returns:
        `matplotlib.legend.Legend`.
    """
    legend = owner.legend(list(handles), ["name"] * len(names), **options)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)
    return legend
