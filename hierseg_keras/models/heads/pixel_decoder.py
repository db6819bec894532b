"""MaskFormer's pixel decoder: a feature pyramid brought to stride 4."""

import math

from keras import layers

from hierseg_keras.models.layers.resize_to import ResizeTo

_GROUPS = 32
EPSILON = 1e-5


def pixel_decoder(maps, filters):
    """From maps at strides 4, 8, 16 and 32 to features of pixels at stride 4 (Lin et al., CVPR 2017).

    Args:
        maps: Four symbolic maps, `(B, h, w, any)`, the finest first.
        filters: Channels of the result.

    Returns:
        Symbolic tensor, `(B, h, w, filters)`, by which masks are found; neither normalized nor cut at 0.
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
