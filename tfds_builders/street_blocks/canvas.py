"""A picture and its label map, painted together, from the farthest thing to the nearest."""

import numpy as np

EVERYWHERE = np.ones((1, 1), bool)


class Canvas:
    """What has been painted so far.

    Whole numbers throughout. Shapes are given by rows (downwards) and columns, both ends
    included, and may reach beyond the picture.

    Args:
        height, width: Size in pixels.

    Attributes:
        pixels: `(height, width, 3)` int32, 0 .. 255 or a little beyond, before any light.
        class_ids: `(height, width)` uint8.
        nearness: `(height, width)` int32. How many rows below the horizon the thing seen in a
            pixel stands; 0 is infinitely far. Haze goes by it.
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
        """Draws a straight line, as thick across as along its shorter extent."""
        steps = max(abs(row_b - row_a), abs(column_b - column_a), 1)
        for step in range(steps + 1):
            row = row_a + (row_b - row_a) * step // steps
            column = column_a + (column_b - column_a) * step // steps
            self.rectangle(row, row + thickness - 1, column, column + thickness - 1, brush)

    def shade_ellipse(self, top, bottom, left, right, percent):
        """Dims the ellipse inscribed in a rectangle to `percent`; what is seen there stays the same."""
        window, rows, columns = self._window(top, bottom, left, right)
        mask = _inside_ellipse(top, bottom, left, right, rows, columns)
        self.pixels[window] = np.where(mask[..., None], self.pixels[window] * percent // 100, self.pixels[window])

    def _window(self, top, bottom, left, right):
        rows, columns = slice(max(top, 0), max(bottom + 1, 0)), slice(max(left, 0), max(right + 1, 0))
        return (rows, columns), self._rows[rows], self._columns[:, columns]


class Brush:
    """How a thing fills pixels: its color, its class, how near it stands.

    Args:
        color: Three integers 0 .. 255, or an int array that broadcasts against the window's pixels.
        class_id: Class id.
        nearness: See `Canvas`.
        grain: Optional `(height, width, 1)` int array, added to the color where it lands.
    """

    def __init__(self, color, class_id, nearness, grain=None):
        self.color = np.asarray(color, np.int32)
        self.class_id, self.nearness, self.grain = int(class_id), nearness, grain

    def of(self, color):
        """The same brush in another color."""
        return Brush(color, self.class_id, self.nearness, self.grain)

    def scaled(self, percent):
        """The same brush with its color at `percent` of its strength."""
        return self.of(np.minimum(self.color * percent // 100, 255))

    def fill(self, canvas, window, mask):
        """Paints the window's pixels where `mask`, which broadcasts against them."""
        color = self.color if self.grain is None else self.color + self.grain[window]
        np.copyto(canvas.pixels[window], color, where=mask[..., None])
        np.copyto(canvas.class_ids[window], self.class_id, where=mask)
        np.copyto(canvas.nearness[window], self.nearness, where=mask)


def _inside_ellipse(top, bottom, left, right, rows, columns):
    tall, wide = max(bottom - top + 1, 0), max(right - left + 1, 0)
    across = (2 * rows - top - bottom) ** 2 * wide**2 + (2 * columns - left - right) ** 2 * tall**2
    return across < tall**2 * wide**2
