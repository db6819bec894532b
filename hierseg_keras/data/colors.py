"""Converts colors between text, `#800000`, and one integer, 0x800000."""

import re

import numpy as np

_COLOR = re.compile("#[0-9a-f]{6}")


def as_color(value):
    """Returns the text of a color given as text or as three integers, or `None` if the value is not a color."""
    if isinstance(value, str):
        return value.lower() if _COLOR.fullmatch(value.lower()) else None
    if isinstance(value, (tuple, list, np.ndarray)) and len(value) == 3:
        if all(isinstance(part, (int, np.integer)) and 0 <= part <= 255 for part in value):
            return "#{:02x}{:02x}{:02x}".format(*value)
    return None


def color_code(color):
    """Returns the integer of a color given as text."""
    return int(color[1:], 16)


def rgb(color):
    """Returns the three integers of a color given as text."""
    code = color_code(color)
    return code >> 16, code >> 8 & 255, code & 255


def color_name(code):
    """Returns the text of a color given as an integer. A negative integer stands for values that are not a color."""
    return f"#{code:06x}" if code >= 0 else "values outside 0 .. 255"


def color_codes(colors):
    """Returns the integers `(...,)` of colors `(..., 3)`, an integer array or an int32 tensor."""
    return colors[..., 0] * 0x10000 + colors[..., 1] * 0x100 + colors[..., 2]
