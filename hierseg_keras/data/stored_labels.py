"""Decodes the label map that a TFDS data set stores to class ids or colors."""

import functools
import io

import numpy as np
import tensorflow as tf
from PIL import Image

from hierseg_keras.data.colors import color_codes, color_name
from hierseg_keras.data.png_header import GRAY, PALETTE, png_header
from hierseg_keras.data.refusal import refuse
from hierseg_keras.messages.capped_list import counted

LABEL_CHANNELS = (1, 3, 4)
LABEL_DTYPES = (np.uint8, np.uint16)
# Pillow stretches gray values of 2 and 4 bits to 0 .. 255.
_STRETCH = {2: 85, 4: 17}
_BIT_DEPTH_AT = 24


def decode_label(encoded, feature, record, colors=False):
    """Decodes a label map losslessly inside tf.data.

    Class ids are read from palette indices (not from the palette's colors), from gray values of any bit depth, or from
    three equal channels. With `colors=True`, colors are read from a palette or from three channels, and a gray value
    becomes three equal channels. Alpha must be opaque. For any other label map, the operation raises an error with the
    record's name.

    Args:
        encoded: String scalar, the bytes of a PNG file.
        feature: `tfds.features.Image`.
        record: String scalar, name of the record in errors.
        colors: Boolean, whether to read colors instead of class ids. Defaults to `False`.

    Returns:
        Tensor `(h, w, 1)`: class ids of the feature's dtype, or the integers of colors, int32.
    """
    dtype = tf.as_dtype(np.uint8 if colors else feature.np_dtype)
    header = png_header(encoded)
    is_plain = header.is_png & (header.bits == 8 * dtype.size) & (header.kind != PALETTE)

    def by_pillow():
        decode = functools.partial(_decoded_by_pillow, dtype=dtype, colors=colors)
        values, problem = tf.numpy_function(decode, [encoded], (dtype, tf.string), stateful=False)
        told = lambda record, problem: f"{record.decode()}: {problem.decode()}"  # noqa: E731
        check = tf.cond(problem == "", tf.no_op, lambda: refuse(told, record, problem))
        with tf.control_dependencies([check]):
            return tf.identity(values)

    def any_other():
        values = tf.cond(is_plain, lambda: tf.io.decode_png(encoded, dtype=dtype), by_pillow)
        values = tf.ensure_shape(values, (None, None, None))
        values = _without_alpha(values, tf.where(header.bits > 8, 65535, 255), record)
        return _colors_of(values) if colors else _single_channel(values, record)

    if colors:
        values = any_other()
    else:
        # Most label maps are plain gray. They take the shortest way.
        is_gray = is_plain & (header.kind == GRAY)
        values = tf.cond(is_gray, lambda: tf.io.decode_png(encoded, 1, dtype), any_other)
    return tf.ensure_shape(values, (*feature.shape[:2], 1))


def _decoded_by_pillow(encoded, dtype, colors):
    """Returns a pair: the values `(h, w, channels)` of an encoded label map, and its problem or empty bytes."""
    nothing, expected = np.zeros((0, 0, 1), dtype.as_numpy_dtype), "expected a label map stored as PNG"
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            kind, mode = image.format, image.mode
            values = np.array(image.convert("RGBA") if colors else image)
    except (OSError, SyntaxError, ValueError):
        received = f"Received: {len(encoded)} bytes that are not a complete image."
        return nothing, f"{expected}. {received} Prepare the data set again from complete files.".encode()
    bits = encoded[_BIT_DEPTH_AT] if kind == "PNG" else None
    # Pillow reduces colors and alpha from 16 to 8 bits.
    is_exact = kind == "PNG" and (bits <= 8 or mode in ("I;16", "I") and not colors)
    if not is_exact or values.max(initial=0) > dtype.max:
        numbers = "8-bit colors" if colors else f"class ids up to {dtype.max}"
        received = f"values up to {values.max()}" if is_exact else f"a {kind} file of Pillow's mode {mode}"
        return nothing, f"{expected}, with {numbers}. Received: {received}. Convert it first.".encode()
    if mode == "L" and not colors:
        values = values // _STRETCH.get(bits, 1)
    return values.reshape(*values.shape[:2], -1).astype(dtype.as_numpy_dtype), b""


def _without_alpha(values, opaque, record):
    def sentence(record, count):
        return (
            f"{record.decode()}: expected an opaque label map. Received: {count} transparent pixels. Store it without "
            "an alpha channel."
        )

    def color():
        count = tf.math.count_nonzero(tf.cast(values[..., -1], tf.int32) != opaque)
        check = tf.cond(count > 0, lambda: refuse(sentence, record, count), tf.no_op)
        with tf.control_dependencies([check]):
            return values[..., :-1]

    return tf.cond(tf.shape(values)[-1] % 2 == 0, color, lambda: values)


def _single_channel(values, record):
    def sentence(record, values):
        differs = (values != values[..., :1]).any(-1)
        foreign, counts = np.unique(color_codes(values[differs].astype(np.int64)), return_counts=True)
        colors = counted(foreign, counts, color_name) if values.dtype == np.uint8 else "16-bit colors"
        return (
            f"{record.decode()}: expected a label map of one channel, or of equal channels. Received: {differs.sum()} "
            f"pixels whose channels differ: {colors}. If the colors stand for classes, pass a class table from colors "
            "to nodes."
        )

    def equal():
        alike = tf.reduce_all(values == values[..., :1])
        check = tf.cond(alike, tf.no_op, lambda: refuse(sentence, record, values))
        with tf.control_dependencies([check]):
            return values[..., :1]

    return tf.cond(tf.shape(values)[-1] == 1, lambda: values, equal)


def _colors_of(values):
    gray = tf.shape(values)[-1] == 1
    values = tf.cast(tf.cond(gray, lambda: tf.repeat(values, 3, axis=-1), lambda: values), tf.int32)
    return color_codes(values)[..., None]
