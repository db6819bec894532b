"""Resizing of a feature map to the size of another one."""

import keras
from keras import ops

INTERPOLATIONS = ("bilinear", "nearest")
# With TensorFlow 2.21, XLA resizes bilinearly with wrong values in single rows and columns, for example from 33 to 65
# (tensorflow/tensorflow#118344), and cannot compile the gradient of the nearest neighbor. A layer that says so makes
# Keras's `jit_compile="auto"` choose no XLA.
XLA_RESIZES = keras.backend.backend() != "tensorflow"


@keras.saving.register_keras_serializable("hierseg_keras")
class ResizeTo(keras.layers.Layer):
    """Resizes feature maps to the height and width of a reference.

    The size of the reference is read when the layer runs, so that the size of the images need not be
    known when the network is built. Pixel centers are at half-integer positions, as in
    `tf.image.resize`, and there is no antialiasing.

    Args:
        interpolation: `"bilinear"` or `"nearest"`. Defaults to `"bilinear"`.

    Call arguments:
        inputs: Pair `(x, reference)` of tensors, `(B, h, w, C)` and `(B, H, W, any)`.

    Returns:
        Tensor, `(B, H, W, C)`, of the layer's compute dtype.

    Raises:
        ValueError: If `interpolation` is unknown.
    """

    def __init__(self, interpolation="bilinear", **kwargs):
        super().__init__(**kwargs)
        if interpolation not in INTERPOLATIONS:
            raise ValueError(f"`ResizeTo` expects one of {INTERPOLATIONS}. Received: interpolation={interpolation!r}.")
        self.interpolation = interpolation
        self.supports_jit = XLA_RESIZES

    def call(self, inputs):
        x, reference = inputs
        return ops.cast(resize(x, ops.shape(reference)[1:3], self.interpolation), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        x, reference = input_shape
        return (x[0], reference[1], reference[2], x[3])

    def get_config(self):
        return {**super().get_config(), "interpolation": self.interpolation}


def resize(x, size, interpolation="bilinear"):
    """Resizes maps `(B, h, w, C)` to a height and width, which need not be known when the graph is built."""
    if keras.backend.backend() == "tensorflow":
        # `keras.ops.image.resize` compares sizes as Python numbers, and fails for sizes that are tensors of a graph.
        import tensorflow as tf

        return tf.image.resize(x, size, interpolation)
    return ops.image.resize(x, size, interpolation=interpolation, antialias=False)
