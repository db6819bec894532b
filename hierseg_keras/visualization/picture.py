"""The figure class that every picture uses."""

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
        layout: Layout engine, as in `matplotlib.figure.Figure`. Defaults to `"constrained"`.
    """

    def __init__(self, width, height, layout="constrained"):
        dpi = min(_DPI, _MOST_PIXELS / max(width, height))
        super().__init__(figsize=(width, height), dpi=dpi, layout=layout)

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
