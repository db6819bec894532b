"""Bilinear resizing to the size of another feature map."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("hierseg_keras")
class ResizeTo(keras.layers.Layer):
    """Resizes feature maps to the height and width of a reference, by bilinear interpolation.

    The reference's size is read when the layer runs, so that a network with it takes images of
    any size, known when it is built or not. Keras 3.15's `UpSampling2D` needs it known.

    Call arguments:
        inputs: Pair `(x, reference)` of float tensors, `(B, h, w, C)` and `(B, H, W, any)`.

    Returns:
        Float tensor, `(B, H, W, C)`, of the layer's compute dtype.
    """

    def call(self, inputs):
        x, reference = inputs
        resized = ops.image.resize(x, ops.shape(reference)[1:3], interpolation="bilinear", data_format="channels_last")
        return ops.cast(resized, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        x, reference = input_shape
        return (x[0], reference[1], reference[2], x[3])
