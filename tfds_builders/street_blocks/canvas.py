"""A picture and its label map, which are painted together, the farthest thing first."""

import numpy as np

EVERYWHERE = np.ones((1, 1), bool)


class Canvas:
    """A picture, its label map and its depth.

    All numbers are integers. Shapes are given by rows (downwards) and columns, both ends included,
    and may extend beyond the picture.

    Args:
        height, width: Integers, size in pixels.

    Attributes:
        pixels: Int32 array `(height, width, 3)`, 0 .. 255 or slightly outside, before lighting.
        class_ids: Uint8 array `(height, width)`.
        nearness: Int32 array `(height, width)`, used for haze: how many rows below the horizon the
            thing in a pixel touches the ground; 0 is infinitely far.
    """

    def __init__(self, height, width):
        self.height, self.width = height, width
        self.pixels = np.zeros((height, width, 3), np.int32)
        self.class_ids = np.zeros((height, width), np.uint8)
        self.nearness = np.zeros((height, width), np.int32)
        self._rows, self._columns = np.ogrid[0:height, 0:width]

    def rectangle(self, top, bottom, left, right, brush):
        """Fills a rectangle."""
        window, _, _ = self._window(top, bottom, left, right)
        brush.fill(self, window, EVERYWHERE)

    def ellipse(self, top, bottom, left, right, brush):
        """Fills the ellipse inscribed in a rectangle."""
        window, rows, columns = self._window(top, bottom, left, right)
        brush.fill(self, window, _inside_ellipse(top, bottom, left, right, rows, columns))

    def ring(self, top, bottom, left, right, thickness, brush):
        """Fills the rim, `thickness` pixels wide, of the ellipse inscribed in a rectangle."""
        window, rows, columns = self._window(top, bottom, left, right)
        inner = (top + thickness, bottom - thickness, left + thickness, right - thickness)
        hole = _inside_ellipse(*inner, rows, columns)
        brush.fill(self, window, _inside_ellipse(top, bottom, left, right, rows, columns) & ~hole)

    def polygon(self, corners, brush):
        """Fills a convex polygon given as `(row, column)` corners in order."""
        all_rows, all_columns = zip(*corners)
        window, rows, columns = self._window(min(all_rows), max(all_rows), min(all_columns), max(all_columns))
        sides = [
            (row_b - row_a) * (columns - column_a) - (column_b - column_a) * (rows - row_a)
            for (row_a, column_a), (row_b, column_b) in zip(corners, [*corners[1:], corners[0]])
        ]
        mask = np.logical_and.reduce([side >= 0 for side in sides])
        mask |= np.logical_and.reduce([side <= 0 for side in sides])
        brush.fill(self, window, mask)

    def line(self, row_a, column_a, row_b, column_b, thickness, brush):
        """Draws a straight line as a row of squares with sides of `thickness` pixels."""
        steps = max(abs(row_b - row_a), abs(column_b - column_a), 1)
        for step in range(steps + 1):
            row = row_a + (row_b - row_a) * step // steps
            column = column_a + (column_b - column_a) * step // steps
            self.rectangle(row, row + thickness - 1, column, column + thickness - 1, brush)

    def shade_ellipse(self, top, bottom, left, right, percent):
        """Dims the ellipse inscribed in a rectangle to `percent`. Labels and nearness do not change."""
        window, rows, columns = self._window(top, bottom, left, right)
        mask = _inside_ellipse(top, bottom, left, right, rows, columns)
        self.pixels[window] = np.where(mask[..., None], self.pixels[window] * percent // 100, self.pixels[window])

    def _window(self, top, bottom, left, right):
        rows, columns = slice(max(top, 0), max(bottom + 1, 0)), slice(max(left, 0), max(right + 1, 0))
        return (rows, columns), self._rows[rows], self._columns[:, columns]


class Brush:
    """The color, class and nearness with which pixels are filled.

    Args:
        color: Three integers in 0 .. 255, or an integer array that broadcasts against the pixels of a window.
        class_id: Integer, class id.
        nearness: Integer, see `Canvas`.
        grain: Integer array `(height, width, 1)` that is added to the color at each pixel. Defaults to `None`.
    """

    def __init__(self, color, class_id, nearness, grain=None):
        self.color = np.asarray(color, np.int32)
        self.class_id, self.nearness, self.grain = int(class_id), nearness, grain

    def of(self, color):
        """Returns the same brush with another color."""
        return Brush(color, self.class_id, self.nearness, self.grain)

    def scaled(self, percent):
        """Returns the same brush with its color at `percent` of its brightness."""
        return self.of(np.minimum(self.color * percent // 100, 255))

    def fill(self, canvas, window, mask):
        """Fills the pixels of a window for which `mask`, broadcast to the window, is true."""
        color = self.color if self.grain is None else self.color + self.grain[window]
        np.copyto(canvas.pixels[window], color, where=mask[..., None])
        np.copyto(canvas.class_ids[window], self.class_id, where=mask)
        np.copyto(canvas.nearness[window], self.nearness, where=mask)


def _inside_ellipse(top, bottom, left, right, rows, columns):
    tall, wide = max(bottom - top + 1, 0), max(right - left + 1, 0)
    across = (2 * rows - top - bottom) ** 2 * wide**2 + (2 * columns - left - right) ** 2 * tall**2
    return across < tall**2 * wide**2
