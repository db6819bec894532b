"""Resizing of images by a factor."""

import keras
from keras import ops

from hierseg_keras.models.layers.resize_to import XLA_RESIZES, resize


@keras.saving.register_keras_serializable("hierseg_keras")
class ResizeBy(keras.layers.Layer):
    """Resizes images bilinearly by a factor. The result has at least one pixel in each direction.

    Args:
        scale: Factor of the height and width, above 0.

    Call arguments:
        image: Tensor, `(B, H, W, C)`.

    Returns:
        Float32 tensor, `(B, round(H * scale), round(W * scale), C)`.
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.supports_jit = XLA_RESIZES

    def call(self, image):
        return resize_by(ops.cast(image, self.compute_dtype), self.scale)

    def compute_output_shape(self, input_shape):
        batch, *size, channels = input_shape
        return (batch, *(length and _scaled(length, self.scale) for length in size), channels)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def resize_by(image, scale):
    """Resizes images `(B, H, W, C)` by a factor. Their size need not be known when the graph is built."""
    if scale == 1:
        return image
    return resize(image, [_scaled(length, scale) for length in ops.shape(image)[1:3]])


def _scaled(length, scale):
    if isinstance(length, int):
        return max(round(length * scale), 1)
    return ops.maximum(ops.cast(ops.round(ops.cast(length, "float32") * scale), "int32"), 1)
