"""Reads the pixel format from the header of a PNG file."""

import typing

import tensorflow as tf

GRAY, PALETTE = 0, 3
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The byte of the kind follows the byte of the bits and is the last one read.
_BITS_AT, _LENGTH = 24, 26
_ALPHA = 4


class PNGHeader(typing.NamedTuple):
    """The pixel format of a PNG file, as scalar tensors.

    Attributes:
        is_png: Bool, whether the file is a PNG file.
        bits: Int32, bits per channel.
        kind: Int32, color type: 0 gray, 2 RGB, 3 palette indices, 4 gray and alpha, 6 RGBA.
    """

    is_png: tf.Tensor
    bits: tf.Tensor
    kind: tf.Tensor

    @property
    def has_alpha(self):
        return self.is_png & (self.kind & _ALPHA > 0)


def png_header(encoded):
    """Returns the `PNGHeader` of an encoded image, a string scalar. For other formats only `is_png` is meaningful."""
    # `decode_raw` fills up shorter files with zeros.
    header = tf.ensure_shape(tf.io.decode_raw(encoded, tf.uint8, fixed_length=_LENGTH), (_LENGTH,))
    is_png = tf.reduce_all(header[: len(_SIGNATURE)] == list(_SIGNATURE))
    bits, kind = tf.unstack(tf.cast(header[_BITS_AT:], tf.int32))
    return PNGHeader(is_png, bits, kind)
