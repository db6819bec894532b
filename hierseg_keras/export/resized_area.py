"""The check, inside a SavedModel, that an image is not enlarged beyond what memory can hold."""

import tensorflow as tf

from hierseg_keras.models.wrappers.resized import resized_size_of


def assert_resized_area(model, height, width, name, advice):
    """Asserts that an image has at most 89 megapixels when the network resizes it.

    `models.Resized` enlarges an image of 1 x 5,000 pixels to 512 x 2,560,000, if its shorter side gets 512.

    Args:
        model: `keras.Model` that is exported. Only a `models.Resized` resizes images, also inside of a
            `models.Calibrated`.
        height, width: Int64 scalars, the size of the image in pixels.
        name: String scalar, or string, at the beginning of the error.
        advice: Sentence at the end of the error.

    Returns:
        The operation of the assertion.
    """
    from tfds_builders.reading.image_header import MAX_PIXELS

    resized_size = resized_size_of(model)
    if resized_size is None:
        return tf.no_op()
    # An empty image is padded to one pixel.
    height, width = tf.maximum(height, 1), tf.maximum(width, 1)
    # As floats, because the product of hostile sizes exceeds integers.
    num_pixels = tf.reduce_prod([tf.cast(length, tf.float64) for length in resized_size(height, width)])
    message = tf.strings.format(
        f" expected an image that has at most {MAX_PIXELS // 1_000_000} megapixels when it is resized for the network. "
        f"Received: {{}} x {{}} pixels. {advice}",
        (width, height),
    )
    return tf.debugging.Assert(num_pixels <= MAX_PIXELS, [tf.strings.join([name, message])])
