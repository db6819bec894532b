"""Resizing a feature map to the size of another."""

import keras
from keras import ops

INTERPOLATIONS = ("bilinear", "nearest")


@keras.saving.register_keras_serializable("hierseg_keras")
class ResizeTo(keras.layers.Layer):
    """Resizes feature maps to the height and width of a reference.

    The reference's size is read when the layer runs, so that a network with it takes images of
    any size, known when it is built or not. Pixels are squares with their centers in the middle,
    as in `tf.image.resize`, without antialiasing.

    Args:
        interpolation: `"bilinear"` (the default) or `"nearest"`.

    Call arguments:
        inputs: Pair `(x, reference)` of tensors, `(B, h, w, C)` and `(B, H, W, any)`.

    Returns:
        Tensor, `(B, H, W, C)`, of the layer's compute dtype.
    """

    def __init__(self, interpolation="bilinear", **kwargs):
        super().__init__(**kwargs)
        if interpolation not in INTERPOLATIONS:
            raise ValueError(f"`ResizeTo` expects one of {INTERPOLATIONS}. Received: interpolation={interpolation!r}.")
        self.interpolation = interpolation

    def call(self, inputs):
        x, reference = inputs
        return ops.cast(resize(x, ops.shape(reference)[1:3], self.interpolation), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        x, reference = input_shape
        return (x[0], reference[1], reference[2], x[3])

    def get_config(self):
        return {**super().get_config(), "interpolation": self.interpolation}


def resize(x, size, interpolation="bilinear"):
    """Resizes maps `(B, h, w, C)` to a height and width, known when the graph is made or not."""
    if keras.backend.backend() == "tensorflow":
        # `keras.ops.image.resize` compares sizes as Python numbers, which a graph's are not.
        import tensorflow as tf

        return tf.image.resize(x, size, interpolation)
    return ops.image.resize(x, size, interpolation=interpolation, antialias=False)
