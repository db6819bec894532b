"""Resizing a feature map to the size of another."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("hierseg_keras")
class ResizeTo(keras.layers.Layer):
    """Resizes feature maps to the height and width of a reference, bilinearly.

    The reference's size is read when the layer runs, so that a network with it takes images of
    any size, known when it is built or not. Pixels are squares with their centres in the middle,
    as in `tf.image.resize`, without antialiasing.

    Call arguments:
        inputs: Pair `(x, reference)` of tensors, `(B, h, w, C)` and `(B, H, W, any)`.

    Returns:
        Tensor, `(B, H, W, C)`, of the layer's compute dtype.
    """

    def call(self, inputs):
        x, reference = inputs
        return ops.cast(resize(x, ops.shape(reference)[1:3]), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        x, reference = input_shape
        return (x[0], reference[1], reference[2], x[3])


def resize(x, size):
    """Resizes maps `(B, h, w, C)` to a height and width, bilinearly, known when the graph is made or not."""
    if keras.backend.backend() == "tensorflow":
        # `keras.ops.image.resize` compares sizes as Python numbers, which a graph's are not.
        import tensorflow as tf

        return tf.image.resize(x, size)
    return ops.image.resize(x, size, interpolation="bilinear", antialias=False)
