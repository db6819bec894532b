"""Tells PNG files of ids from PNG files of colors by their headers."""

from tfds_builders.reading.image_header import PNG_COLOR_TYPE_AT, SIGNATURES

# The color types of PNG without colors: gray, palette, and gray with alpha.
_IDS = (0, 3, 4)


def png_format(path):
    """Returns the format of a mask by its header: `"index"` for gray and palette, else `"colors"`.

    Returns `None` for a file that is not a PNG file or cannot be read. It raises an error when it is decoded.
    """
    try:
        with path.open("rb") as file:
            header = file.read(PNG_COLOR_TYPE_AT + 1)
    except Exception:
        return None
    if not header.startswith(SIGNATURES["PNG"]) or len(header) <= PNG_COLOR_TYPE_AT:
        return None
    return "index" if header[PNG_COLOR_TYPE_AT] in _IDS else "colors"
