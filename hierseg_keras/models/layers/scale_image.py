"""The scaling of images with which a backbone's weights were trained."""

import keras
from keras import ops

# Means of ImageNet's blue, green and red, in 0 .. 255.
_CAFFE_MEANS = (103.939, 116.779, 123.68)
# Means and standard deviations of ImageNet's red, green and blue, in 0 .. 1, as PyTorch's networks use them.
_TORCH_MEANS = (0.485, 0.456, 0.406)
_TORCH_DEVIATIONS = (0.229, 0.224, 0.225)
MODES = ("unit", "symmetric", "caffe", "torch", "efficientnet_lite")


@keras.saving.register_keras_serializable("hierseg_keras")
class ScaleImage(keras.layers.Layer):
    """Scales RGB images in 0 .. 255 as a backbone expects them.

    Args:
        mode: One of five modes:

            - `"unit"` scales to [0, 1].
            - `"symmetric"` scales to [-1, 1].
            - `"caffe"` reverses the colors to blue, green, red, and subtracts their means on ImageNet.
            - `"torch"` scales to [0, 1], subtracts the means of the colors on ImageNet, and divides by
              their standard deviations.
            - `"efficientnet_lite"` subtracts 127 and divides by 128.

    Call arguments:
        image: Float or integer RGB images, `(B, H, W, 3)`, in 0 .. 255.

    Returns:
        Float tensor of the same shape.

    Raises:
        ValueError: If `mode` is unknown.
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
        if self.mode == "efficientnet_lite":
            return (image - 127) / 128
        return image / 255 if self.mode == "unit" else image / 127.5 - 1

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}
