"""Repetition of a single pixel over a map."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("hierseg_keras")
class BroadcastTo(keras.layers.Layer):
    """Repeats a map of one pixel to the height and width of another map.

    Call arguments:
        inputs: List of two tensors: `(B, 1, 1, C)`, and a map, `(B, h, w, any)`.

    Returns:
        Tensor, `(B, h, w, C)`.
    """

    def call(self, inputs):
        pixel, like = inputs
        return ops.broadcast_to(pixel, (*ops.shape(like)[:3], pixel.shape[-1]))

    def compute_output_shape(self, input_shape):
        pixel, like = input_shape
        return (*like[:3], pixel[-1])
