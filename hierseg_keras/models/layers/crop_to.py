"""Cropping of a feature map to the size of another one."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("hierseg_keras")
class CropTo(keras.layers.Layer):
    """Crops feature maps at the bottom and on the right, to the height and width of a reference.

    The size of the reference is read when the layer runs, so that the size of the images need not be
    known when the network is built.

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
