"""The figure class that every picture uses."""

import functools
import io
import warnings

from matplotlib.figure import Figure
from matplotlib.text import Text

_DPI = 110
# Matplotlib's limit is 2^16 in each direction.
_MOST_PIXELS = 65_000


class Picture(Figure):
    """Draws all text literally, without mathematics and without warnings about missing letters.

    Class names are arbitrary strings. Matplotlib parses text between two `$` as mathematics, and
    fails if it is not valid. Matplotlib also warns about letters that its font lacks. That warning is
    suppressed, so that a class name never stops a run in which warnings are errors.

    Args:
        width: Width in inches.
        height: Height in inches.
        layout: Layout engine, as in `matplotlib.figure.Figure`. Defaults to `"constrained"`. Pass `None` to place
            axes and text in inches with `place` and `write`.
    """

    def __init__(self, width, height, layout="constrained"):
        dpi = min(_DPI, _MOST_PIXELS / max(width, height))
        super().__init__(figsize=(width, height), dpi=dpi, layout=layout)

    @functools.cached_property
    def page(self):
        """Axes of the whole picture. Its coordinates are inches from the upper left corner, and y points downward."""
        width, height = self.get_size_inches()
        axis = self.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0), zorder=-1)
        _hide(axis)
        return axis

    def place(self, left, top, width, height):
        """Adds axes of a size in inches, at a place in inches from the upper left corner."""
        whole_width, whole_height = self.get_size_inches()
        bottom = 1 - (top + height) / whole_height
        return self.add_axes((left / whole_width, bottom, width / whole_width, height / whole_height))

    def write(self, x, y, text, size, **options):
        """Writes text with its left end, or its middle with `ha="center"`, at a place in inches."""
        return self.page.text(x, y, text, fontsize=size, va="center", **options)

    def show(self, pixels, left, top, width, height, smooth=False):
        """Shows pixels in the middle of a rectangle in inches, as large as possible.

        Args:
            pixels: `(H, W, 3)` uint8 array.
            left, top, width, height: The rectangle.
            smooth: Boolean, whether to average pixels if they are smaller than those of the picture. Pass `True`
                for a photograph, and `False` for colors of classes, which have no average.
        """
        scale = min(width / pixels.shape[1], height / pixels.shape[0])
        shown_width, shown_height = scale * pixels.shape[1], scale * pixels.shape[0]
        place = left + (width - shown_width) / 2, top + (height - shown_height) / 2
        axis = self.place(*place, shown_width, shown_height)
        axis.imshow(pixels, interpolation="antialiased" if smooth else "nearest", aspect="auto")
        _hide(axis)
        return axis

    def draw(self, renderer):
        for text in self.findobj(Text):
            text.set_parse_math(False)
            text.set_usetex(False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            super().draw(renderer)

    def _repr_png_(self):
        """Returns the PNG that a notebook shows, with or without `%matplotlib inline`."""
        content = io.BytesIO()
        self.savefig(content, format="png")
        return content.getvalue()

    def saved(self, path):
        """Saves the picture to `path` unless it is `None`, and returns the picture."""
        if path is not None:
            self.savefig(path)
        return self


def _hide(axis):
    """Hides everything of axes but their content. Without ticks, drawing takes a fraction of the time."""
    axis.set_axis_off()
    axis.set(xticks=[], yticks=[])
