"""Decodes the image that a TFDS data set stores to three channels in 0 .. 255."""

import functools

import numpy as np
import tensorflow as tf

from hierseg_keras.data.png_header import png_header
from hierseg_keras.data.refusal import refuse

IMAGE_CHANNELS = (1, 3, 4)
IMAGE_DTYPES = (np.uint8, np.uint16)
_UINT16_STEP = 65535 / 255
_JPEG = b"\xff\xd8\xff"


def decode_image(encoded, feature, record):
    """Decodes an image inside tf.data.

    A gray image gets three equal channels. A fourth channel is alpha and must be opaque. 16-bit values are
    divided by 257, which maps their full range to 0 .. 255.

    Args:
        encoded: String scalar, the bytes of the file.
        feature: `tfds.features.Image` of 1, 3 or 4 channels, uint8 or uint16.
        record: String scalar, name of the record in errors.

    Returns:
        Tensor `(h, w, 3)`, uint8, or float32 for 16-bit images.
    """
    check = tf.no_op
    if feature.shape[-1] != 1:
        check = functools.partial(_check_opaque, encoded, feature.np_dtype, record)
    with tf.control_dependencies([tf.cond(png_header(encoded).has_alpha, check, tf.no_op)]):
        image = _decoded(encoded, feature)
    image = image if image.dtype == tf.uint8 else tf.cast(image, tf.float32) / _UINT16_STEP
    return tf.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


def _decoded(encoded, feature):
    *size, channels = feature.shape
    kept = min(channels, 3)
    if feature.np_dtype != np.uint8:
        return feature.decode_example(encoded)[..., :kept]
    # `predict` and exported models decode JPEG in the same way. TensorFlow's default is faster and less accurate.
    image = tf.cond(
        tf.strings.substr(encoded, 0, len(_JPEG)) == _JPEG,
        lambda: tf.io.decode_jpeg(encoded, kept, dct_method="INTEGER_ACCURATE"),
        lambda: feature.decode_example(encoded)[..., :kept],
    )
    return tf.ensure_shape(image, (*size, kept))


def _check_opaque(encoded, dtype, record):
    def sentence(record, transparent):
        return (
            f"{record.decode()}: expected an opaque image, as a fourth channel is alpha. Received: {transparent} "
            "transparent pixels. Store the three color channels only."
        )

    alpha = tf.io.decode_png(encoded, 4, dtype)[..., 3]
    transparent = tf.math.count_nonzero(alpha < alpha.dtype.max)
    return tf.cond(transparent > 0, lambda: refuse(sentence, record, transparent), tf.no_op)
