"""MaskFormer's pixel decoder: a feature pyramid with features at stride 4."""

import math

from keras import layers

from hierseg_keras.models.layers.resize_to import ResizeTo

_GROUPS = 32
EPSILON = 1e-5


def pixel_decoder(maps, filters):
    """Builds a feature pyramid on maps at strides 4, 8, 16 and 32 (Lin et al., CVPR 2017).

    Args:
        maps: Four symbolic maps, `(B, h, w, any)`, the finest first.
        filters: Channels of the result.

    Returns:
        Symbolic features of pixels at stride 4, `(B, h, w, filters)`, without normalization and activation.
    """
    x = _conv_norm(maps[-1], filters, 3, "pixels_32", activation="relu")
    for stride, lateral in zip((16, 8, 4), reversed(maps[:-1])):
        x = ResizeTo("nearest", name=f"pixels_{stride}_enlarge")([x, lateral])
        lateral = _conv_norm(lateral, filters, 1, f"pixels_{stride}_lateral")
        x = layers.Add(name=f"pixels_{stride}_add")([lateral, x])
        x = _conv_norm(x, filters, 3, f"pixels_{stride}", activation="relu")
    return layers.Conv2D(filters, 3, padding="same", name="features")(x)


def _conv_norm(x, filters, size, name, activation=None):
    x = layers.Conv2D(
        filters, size, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
    )(x)
    x = layers.GroupNormalization(math.gcd(_GROUPS, filters), epsilon=EPSILON, name=f"{name}_gn")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x
