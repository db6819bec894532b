"""Draws the shapes of labelme's JSON files, with the same pixels as labelme's own `shape_to_mask`."""

import base64
import binascii
import math

import numpy as np
from PIL import Image, ImageDraw

from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.image_files import ID_MODES, UP_TO_16_BITS, decode_numbers
from tfds_builders.reading.masks.json_file import field

# In pixels, as in labelme.
_LINE_WIDTH, _POINT_RADIUS = 10, 5
# Pillow needs minutes to draw an ellipse of a million pixels, or a polygon of a hundred thousand long edges.
MAX_COORDINATE, MAX_POINTS = 100_000, 50_000
# The smallest and the largest number of points of each type of shape.
_NUM_POINTS = {
    "polygon": (3, MAX_POINTS),
    "rectangle": (2, 2),
    "oriented_rectangle": (4, 4),
    "circle": (2, 2),
    "line": (2, 2),
    "linestrip": (2, MAX_POINTS),
    "point": (1, 1),
    "mask": (2, 2),
}


def draw_shapes(path, shapes, height, width):
    """Draws shapes over each other, in order.

    Args:
        path: Path of the file, for errors.
        shapes: List of dicts, the value of `shapes` in the file.
        height, width: Integers, size of the image.

    Returns:
        A pair `(codes, labels)`: int32 array `(H, W)`, in which 0 is background and `i + 1` stands for `labels[i]`; and
        a list of strings.

    Raises:
        ImageFileError: If a shape is not one that labelme writes. The error names the file and the shape.
    """
    # Of 32 bits, so that the number of labels is not limited.
    canvas = Image.new("I", (width, height))
    draw, codes = ImageDraw.Draw(canvas), {}
    for number, shape in enumerate(shapes):
        label = label_of(path, shape, number)
        place = f"shape {number} ({label!r}): "
        kind, points = _kind(path, shape, place), field(path, shape, "points", list, place)
        points = _checked_points(path, points, kind, place)
        code = codes.setdefault(label, len(codes) + 1)
        if kind == "mask":
            _paste(canvas, _mask(path, shape, place), points, code, f"{path}: {place}")
        else:
            _DRAW[kind](draw, points, code, f"{path}: {place}")
    return np.array(canvas), list(codes)


def label_of(path, shape, number):
    """Returns the class name of a shape, after checking that it is text."""
    label = field(path, shape, "label", str, f"shape {number}: ")
    if not label:
        raise ImageFileError(f"{path}: shape {number}: expected the name of a class as `label`. Received: ''")
    return label


def _kind(path, shape, place):
    # Files of old versions of labelme have polygons without a type.
    kind = "polygon" if shape.get("shape_type") is None else field(path, shape, "shape_type", str, place)
    if kind not in _NUM_POINTS:
        raise ImageFileError(
            f"{path}: {place}expected one of {', '.join(_NUM_POINTS)} as `shape_type`. Received: {kind[:60]!r}. "
            "Draw the shape as one of these"
        )
    return kind


def _checked_points(path, points, kind, place):
    least, most = _NUM_POINTS[kind]
    if not least <= len(points) <= most:
        expected = f"{least}" if least == most else f"from {least} to {most:,}"
        raise ImageFileError(f"{path}: {place}expected {expected} points of a {kind}. Received: {len(points):,}")
    for point in points:
        if not (isinstance(point, list) and len(point) == 2 and all(map(_is_coordinate, point))):
            raise ImageFileError(
                f"{path}: {place}expected points [x, y] of numbers between -{MAX_COORDINATE:,} and {MAX_COORDINATE:,}. "
                f"Received: {str(point)[:60]}. Draw the shape again"
            )
    return [tuple(point) for point in points]


def _is_coordinate(value):
    # NaN is not smaller than anything.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_COORDINATE


def _draw_polygon(draw, points, code, place):
    draw.polygon(points, outline=code, fill=code)


def _draw_rectangle(draw, points, code, place):
    (x0, y0), (x1, y1) = points
    draw.rectangle((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), outline=code, fill=code)


def _draw_circle(draw, points, code, place):
    """Draws a circle given by its center and a point on it."""
    center, (x, y) = points
    _draw_disk(draw, center, math.hypot(x - center[0], y - center[1]), code)


def _draw_line(draw, points, code, place):
    draw.line(points, fill=code, width=_LINE_WIDTH)


def _draw_point(draw, points, code, place):
    _draw_disk(draw, points[0], _POINT_RADIUS, code)


def _draw_disk(draw, center, radius, code):
    x, y = center
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=code, fill=code)


_DRAW = {
    "polygon": _draw_polygon,
    "oriented_rectangle": _draw_polygon,
    "rectangle": _draw_rectangle,
    "circle": _draw_circle,
    "line": _draw_line,
    "linestrip": _draw_line,
    "point": _draw_point,
}


def _mask(path, shape, place):
    """Returns the bitmap of a shape, stored as a PNG file in text, as bool `(H, W)`."""
    text = field(path, shape, "mask", str, place)
    try:
        content = base64.b64decode(text)
    except (binascii.Error, ValueError) as error:
        raise ImageFileError(f"{path}: {place}expected a PNG file in Base64 as `mask`. Received: {error}") from error
    return decode_numbers(f"{path}: {place}`mask`", "PNG", content, ID_MODES, UP_TO_16_BITS)[..., 0] > 0


def _paste(canvas, mask, points, code, place):
    """Draws a bitmap into the box of two corners, both of which belong to it."""
    (x0, y0), (x1, y1) = (map(int, point) for point in points)
    size = x1 - x0 + 1, y1 - y0 + 1
    if size != mask.shape[::-1]:
        raise ImageFileError(
            f"{place}expected a `mask` of the size of its box, {size[0]} x {size[1]}. Received: "
            f"{mask.shape[1]} x {mask.shape[0]}"
        )
    if x0 < 0 or y0 < 0 or x1 >= canvas.width or y1 >= canvas.height:
        raise ImageFileError(
            f"{place}expected a `mask` in the image, {canvas.width} x {canvas.height}. Received: the box from "
            f"({x0}, {y0}) to ({x1}, {y1})"
        )
    canvas.paste(code, (x0, y0), Image.fromarray(mask.astype(np.uint8) * 255))
