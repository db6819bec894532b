"""EfficientNet-Lite, whose layers have the names of the published PyTorch weights."""

import math

import keras
from keras import layers

from hierseg_keras.models.layers.dilation import strides_and_dilations

_EPSILON = 1e-3
_STEM_FILTERS = 32
# Per stage: size of the depthwise kernel, blocks, output channels, factor of the expansion.
_STAGES = ((3, 1, 16, 1), (3, 2, 24, 6), (5, 2, 40, 6), (3, 3, 80, 6), (5, 3, 112, 6), (5, 4, 192, 6), (3, 1, 320, 6))
_STRIDES = (1, 2, 2, 2, 1, 2, 1)
# The number of the stage whose map has stride 4.
_LOW_LEVEL_STAGE = 1


def efficientnet_lite(output_stride, width=1.0, depth=1.0, name=None):
    """Builds an EfficientNet-Lite without its classifier.

    EfficientNet-Lite is the EfficientNet of Tan & Le, ICML 2019, with ReLU6 and without squeeze-and-excitation. The
    width and depth factors do not apply to the stem, and the depth factor not to the first and last stage.

    Args:
        output_stride: Stride of the last map: 8, 16 or 32.
        width: Factor of the channels. Defaults to 1.
        depth: Factor of the number of blocks. Defaults to 1.
        name: Name of the model.

    Returns:
        `keras.Model` from scaled images to two maps, at stride 4 and at `output_stride`: the outputs of the
        layers `stage2` and `stage7`. The layers `stage1`, ..., `stage7` output the maps of the seven stages.
    """
    image = layers.Input((None, None, 3))
    x = layers.Conv2D(_STEM_FILTERS, 3, strides=2, padding="same", use_bias=False, name="conv_stem")(image)
    x = _norm(x, "bn0", relu=True)
    strides, dilations = strides_and_dilations(output_stride, _STRIDES, stem_stride=2)
    number, dilation, maps = 0, 1, []
    for stage, (kernel, blocks, filters, expansion) in enumerate(_STAGES):
        is_scaled = 0 < stage < len(_STAGES) - 1
        for i in range(math.ceil(depth * blocks) if is_scaled else blocks):
            # The first block of a stage whose stride became a dilation still sees the map of the stage before it.
            geometry = (kernel, strides[stage] if i == 0 else 1, dilation)
            x = _block(x, _scaled(filters, width), expansion, *geometry, f"blocks.{number}")
            number, dilation = number + 1, dilations[stage]
        x = layers.Identity(name=f"stage{stage + 1}")(x)
        maps.append(x)
    return keras.Model(image, [maps[_LOW_LEVEL_STAGE], maps[-1]], name=name)


def _block(x, filters, expansion, kernel, stride, dilation, name):
    """Builds an inverted residual block: a 1x1 expansion, a depthwise convolution and a 1x1 projection."""
    skip, channels = x, x.shape[-1]
    if expansion > 1:
        x = layers.Conv2D(expansion * channels, 1, use_bias=False, name=f"{name}.expand_conv")(x)
        x = _norm(x, f"{name}.bn0", relu=True)
    options = {"strides": stride, "dilation_rate": dilation, "padding": "same", "use_bias": False}
    x = layers.DepthwiseConv2D(kernel, name=f"{name}.depthwise_conv", **options)(x)
    x = _norm(x, f"{name}.bn1", relu=True)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}.project_conv")(x)
    x = _norm(x, f"{name}.bn2")
    return layers.Add(name=f"{name}.add")([skip, x]) if stride == 1 and channels == filters else x


def _norm(x, name, relu=False):
    x = layers.BatchNormalization(epsilon=_EPSILON, name=name)(x)
    return layers.ReLU(6.0, name=f"{name}.relu")(x) if relu else x


def _scaled(filters, width, divisor=8):
    """Returns the channels times `width`, rounded to a multiple of `divisor`, but not down by more than 10 %."""
    rounded = max(divisor, int(filters * width + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * filters * width else rounded + divisor
