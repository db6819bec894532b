"""The figure that every picture is drawn on."""

import io
import warnings

from matplotlib.figure import Figure
from matplotlib.text import Text

_DPI = 110
# Matplotlib's limit is 2^16 in each direction.
_MOST_PIXELS = 65_000


class Picture(Figure):
    """A figure whose texts are names: they are drawn letter by letter.

    Matplotlib would typeset what stands between two `$` as mathematics, and fail where it is none. It
    also warns of every letter that its font lacks, and draws a box in its place; here it does not
    warn, because a class's name is no reason to end a run where warnings are errors.

    Args:
        width, height: In inches.
        layout: As in `matplotlib.figure.Figure`.
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
        """Saves the picture where a path is given, and returns it."""
        if path is not None:
            self.savefig(path)
        return self
