"""Backbones by name that give a map at each of strides 4, 8, 16 and 32, with timm's weights."""

import dataclasses
import functools

from hierseg_keras.models.backbones.resnet_stages import resnet_stages
from hierseg_keras.models.backbones.swin_stages import swin_stages
from hierseg_keras.models.layers.scale_image import ScaleImage


@dataclasses.dataclass(frozen=True)
class Pyramid:
    """How a backbone is made, and where its part that timm has ends.

    Attributes:
        make: Function from a scaled symbolic image to a dict of four symbolic maps.
        last_layer: Name of the last layer that timm's network of the same name has too.
        ignored: First parts of the names of timm's tensors behind it.
    """

    make: object
    last_layer: str
    ignored: tuple

    def maps(self, image):
        """Four symbolic maps of symbolic images in 0 .. 255."""
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
