"""Cropping a feature map to the size of another."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("hierseg_keras")
class CropTo(keras.layers.Layer):
    """Crops feature maps to the height and width of a reference, at the top left.

    The reference's size is read when the layer runs, so that a network with it takes images of
    any size, known when it is built or not.

    Call arguments:
        inputs: Pair `(x, reference)` of tensors, `(B, h, w, C)` and `(B, H, W, any)`, with
            `h >= H` and `w >= W`.

    Returns:
        Tensor, `(B, H, W, C)`.
    """

    def call(self, inputs):
        x, reference = inputs
        height, width = ops.shape(reference)[1:3]
        return x[:, :height, :width, :]

    def compute_output_shape(self, input_shape):
        x, reference = input_shape
        return (x[0], reference[1], reference[2], x[3])
