"""The scaling of images that a backbone's weights were trained with."""

import keras
from keras import ops

# Means of ImageNet's blue, green and red, in 0 .. 255.
_CAFFE_MEANS = (103.939, 116.779, 123.68)
MODES = ("unit", "symmetric", "caffe")


@keras.saving.register_keras_serializable("hierseg_keras")
class ScaleImage(keras.layers.Layer):
    """Scales RGB images in 0 .. 255 as a backbone expects them.

    Args:
        mode: `"unit"`, to [0, 1]; `"symmetric"`, to [-1, 1]; or `"caffe"`, to blue, green, red
            less their means on ImageNet.

    Call arguments:
        image: Float or integer tensor, `(B, H, W, 3)`, red first.

    Returns:
        Float tensor of the same shape.
    """

    def __init__(self, mode, **kwargs):
        super().__init__(**kwargs)
        if mode not in MODES:
            raise ValueError(f"`ScaleImage` expects one of {MODES}. Received: mode={mode!r}.")
        self.mode = mode

    def call(self, image):
        image = ops.cast(image, self.compute_dtype)
        if self.mode == "caffe":
            return ops.flip(image, axis=-1) - ops.cast(_CAFFE_MEANS, image.dtype)
        return image / 255 if self.mode == "unit" else image / 127.5 - 1

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}
