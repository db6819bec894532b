"""The backbones that can be chosen by name and output maps at strides 4, 8, 16 and 32."""

import dataclasses
import functools
from collections.abc import Callable

import keras

from hierseg_keras.models.backbones.resnet_stages import resnet_stages
from hierseg_keras.models.backbones.swin_stages import swin_stages
from hierseg_keras.models.layers.scale_image import ScaleImage


@dataclasses.dataclass(frozen=True)
class Pyramid:
    """Describes how to build a backbone, and which part of it has weights in timm's checkpoints.

    Attributes:
        make: Function from symbolic scaled images to a dict of four symbolic maps.
        last_layer: Name of the last layer that timm's network has too.
        ignored: First parts of the names of tensors in timm's checkpoints that the backbone does not have.
    """

    make: Callable[[keras.KerasTensor], dict[str, keras.KerasTensor]]
    last_layer: str
    ignored: tuple[str, ...]

    def maps(self, image):
        """Builds the backbone on symbolic images in 0 .. 255, and returns its four maps, the finest first."""
        return list(self.make(ScaleImage("torch", name="scale")(image)).values())


def _swin(width, depths, window=7):
    heads = tuple(width // 32 * 2**stage for stage in range(4))
    make = functools.partial(swin_stages, width=width, depths=depths, num_heads=heads, window=window)
    return Pyramid(make, f"layers.3.blocks.{depths[-1] - 1}.2.add", ("norm", "head"))


def _resnet(blocks):
    return Pyramid(functools.partial(resnet_stages, blocks=blocks), f"layer4.{blocks[-1] - 1}.relu", ("fc",))


PYRAMIDS = {
    # For small machines.
    "swin_nano": _swin(32, (1, 1, 2, 1)),
    "swin_tiny": _swin(96, (2, 2, 6, 2)),
    "swin_small": _swin(96, (2, 2, 18, 2)),
    "resnet50_v1_5": _resnet((3, 4, 6, 3)),
    "resnet101_v1_5": _resnet((3, 4, 23, 3)),
}
