"""Encodes the results of an image as files."""

import io
import threading

import numpy as np
from PIL import Image

from hierseg_keras.prediction import result_files
from hierseg_keras.prediction.network_answers import CONFIDENCE, CONFIDENT, LEAF
from hierseg_keras.prediction.result_files import OVERLAY
from hierseg_keras.visualization import draw_levels

# The numbers of a PNG of 8 bits, and the number of pixels without a class in PNGs of 8 and of 16 bits.
_NUMBERS_OF_8_BITS = 256
UNKNOWN, UNKNOWN_OF_16_BITS = 255, 65535
_JPEG = {"quality": 92, "subsampling": 0}
# Matplotlib is not thread-safe.
_DRAWING = threading.Lock()


class ImageResults:
    """Encodes the results of an image as files.

    Args:
        tree: `ClassTree`.
        written: `WrittenIds`.
        files: `ResultFiles`.
        colors: Uint8 array `(V, 3)`, the colors of the nodes.
    """

    def __init__(self, tree, written, files, colors):
        self._tree, self._numbers, self._colors = tree, written.numbers, colors
        self._palette = written.palette(colors).tobytes()
        self._level_nodes = {level: tree.level_table[level - 1][: tree.num_leaves] for level in files.levels}
        self._overlay_nodes = tree.level_table[files.overlay_level - 1][: tree.num_leaves]

    def encode(self, kind, pixels, answers):
        """Encodes one result.

        Args:
            kind: Kind of the file, a key of `ResultFiles.endings`, other than `PICTURE`.
            pixels: Uint8 array `(H, W, 3)`.
            answers: Dict of arrays `(H, W)`, as from `NetworkAnswers`.

        Returns:
            Bytes of a PNG or JPEG file.
        """
        if kind == OVERLAY:
            colors = self._colors[self._overlay_nodes][answers[LEAF]]
            blended = ((pixels.astype(np.uint16) + colors) // 2).astype(np.uint8)
            return _encoded(Image.fromarray(blended), "JPEG", **_JPEG)
        if kind == result_files.CONFIDENCE:
            return _encoded(Image.fromarray(answers[CONFIDENCE]), "PNG")
        if kind == result_files.CONFIDENT:
            return self._confident_png(answers[CONFIDENT])
        return self._png(self._numbers[self._level_nodes[kind[1]]], answers[LEAF])

    def draw(self, name, pixels, answers, path):
        """Draws the picture of all levels, whose title begins with the name."""
        with _DRAWING:
            draw_levels(self._tree, pixels, {name: answers[LEAF]}, path, self._colors)

    def _confident_png(self, labels):
        unknown = UNKNOWN if self._numbers.max() < UNKNOWN else UNKNOWN_OF_16_BITS
        # Index -1 is the last entry of the table.
        return self._png(np.append(self._numbers, unknown), labels)

    def _png(self, table, indices):
        """Encodes `table[indices]`, as a palette PNG if 8 bits are enough for the table."""
        if max(table.max(), self._numbers.max()) < _NUMBERS_OF_8_BITS:
            numbers = table.astype(np.uint8)[indices]
            image = Image.frombytes("P", numbers.shape[::-1], numbers.tobytes())
            image.putpalette(self._palette)
        else:
            image = Image.fromarray(table.astype(np.uint16)[indices])
        return _encoded(image, "PNG")


def _encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()
