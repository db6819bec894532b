"""Networks whose first argument is the class tree."""

from hierseg_keras.models.deeplab_v3_plus import DeepLabV3Plus
from hierseg_keras.models.unet import UNet

__all__ = ["DeepLabV3Plus", "UNet"]
