"""Networks whose first argument is the class tree."""

from hierseg_keras.models.unet import UNet

__all__ = ["UNet"]
