"""The grid of pixels at which a page shows an image and its label maps."""

import numpy as np
from PIL import Image

from hierseg_keras.images.padding import PADDING_COLOR
from hierseg_keras.visualization.inputs import as_pixels

LONGEST_SIDE = 256


class Grid:
    """Positions, in rows and columns, at which maps of an image are sampled.

    Maps of several networks that resize an image differently are sampled at the same relative positions.

    Args:
        height, width: Integers, size of the grid.
    """

    def __init__(self, height, width):
        self.height, self.width = height, width

    @classmethod
    def of(cls, shape, longest=LONGEST_SIDE):
        """Returns the grid of an image of a shape `(H, W)`, whose longer side is at most `longest`."""
        factor = min(1, longest / max(shape))
        return cls(*(max(1, round(factor * length)) for length in shape))

    def positions(self, shape):
        """Returns the rows and columns, int arrays, in a map of a shape `(H, W)`: the pixels nearest to the grid's."""
        lengths = zip(shape, (self.height, self.width))
        return tuple((2 * np.arange(count) + 1) * length // (2 * count) for length, count in lengths)

    def sampled(self, values):
        """Samples a map `(H, W, ...)` at the positions of the grid."""
        rows, columns = self.positions(values.shape[:2])
        return values[rows[:, None], columns]

    def photograph(self, image):
        """Resizes an image `(H, W, C)` of colors in 0 .. 255 to the grid, as a `PIL.Image`."""
        pixels = Image.fromarray(as_pixels("report_page", image))
        size = self.width, self.height
        return pixels if pixels.size == size else pixels.resize(size, Image.Resampling.BOX)


def unpadded_shape(image, is_labeled):
    """Returns the height and width of an image without the padding at its bottom and right edge.

    Args:
        image: Array `(H, W, C)`.
        is_labeled: Boolean array `(H, W)`. Padding has no label.

    Returns:
        Pair of integers. That of the whole image if nothing but padding is found.
    """
    is_inside = is_labeled | (image != PADDING_COLOR).any(-1)
    ends = [np.flatnonzero(is_inside.any(axis))[-1:] + 1 for axis in (1, 0)]
    return tuple(int(end[0]) if end.size else length for end, length in zip(ends, is_inside.shape))
