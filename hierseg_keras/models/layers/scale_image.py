"""The scaling of images that a backbone's weights were trained with."""

import keras
from keras import ops

# Means of ImageNet's blue, green and red, in 0 .. 255.
_CAFFE_MEANS = (103.939, 116.779, 123.68)
# Means and deviations of ImageNet's red, green and blue, in 0 .. 1, as PyTorch's networks know them.
_TORCH_MEANS = (0.485, 0.456, 0.406)
_TORCH_DEVIATIONS = (0.229, 0.224, 0.225)
MODES = ("unit", "symmetric", "caffe", "torch")


@keras.saving.register_keras_serializable("hierseg_keras")
class ScaleImage(keras.layers.Layer):
    """Scales RGB images in 0 .. 255 as a backbone expects them.

    Args:
        mode: `"unit"`, to [0, 1]; `"symmetric"`, to [-1, 1]; `"caffe"`, to blue, green, red less
            their means on ImageNet; or `"torch"`, to [0, 1] less ImageNet's means, over its deviations.

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
        if self.mode == "torch":
            return (image / 255 - ops.cast(_TORCH_MEANS, image.dtype)) / ops.cast(_TORCH_DEVIATIONS, image.dtype)
        return image / 255 if self.mode == "unit" else image / 127.5 - 1

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}
