"""What the header of a PNG file says of its pixels."""

import typing

import tensorflow as tf

GRAY, PALETTE = 0, 3
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The kind follows the bits, and ends what is read.
_BITS_AT, _LENGTH = 24, 26
_ALPHA = 4


class PNGHeader(typing.NamedTuple):
    """The header as scalar tensors.

    Attributes:
        is_png: Bool, whether the file is a PNG file at all.
        bits: Int32, the bits of a value.
        kind: Int32, what the values are: 0 gray, 2 RGB, 3 indices of a palette, 4 gray and alpha, 6 RGBA.
    """

    is_png: tf.Tensor
    bits: tf.Tensor
    kind: tf.Tensor

    @property
    def has_alpha(self):
        return self.is_png & (self.kind & _ALPHA > 0)


def png_header(encoded):
    """Reads the header of an encoded image, a string scalar. Of another format, only `is_png` means anything."""
    # A file of fewer bytes is read as if zeros followed.
    header = tf.ensure_shape(tf.io.decode_raw(encoded, tf.uint8, fixed_length=_LENGTH), (_LENGTH,))
    is_png = tf.reduce_all(header[: len(_SIGNATURE)] == list(_SIGNATURE))
    bits, kind = tf.unstack(tf.cast(header[_BITS_AT:], tf.int32))
    return PNGHeader(is_png, bits, kind)
