"""Atrous spatial pyramid pooling with depthwise separable convolutions."""

from keras import layers

from hierseg_keras.models.layers.broadcast_to import BroadcastTo
from hierseg_keras.models.layers.conv_norm_relu import EPSILON, MOMENTUM, conv_norm_relu


def separable_pyramid_pooling(x, filters, dropout, atrous_rates, name):
    """Builds pyramid pooling (Chen et al., ECCV 2018, section 3.1) whose dilated convolutions are separable.

    The branches are a 1x1 convolution, one separable convolution per dilation, and the mean of the map. They are
    joined by a 1x1 convolution.

    Args:
        x: Symbolic map, `(B, h, w, any)`.
        filters: Channels of each branch and of the result.
        dropout: Dropout rate of the result.
        atrous_rates: Dilations.
        name: Name of the last layer, and prefix of the others.

    Returns:
        Symbolic map, `(B, h, w, filters)`.
    """
    branches = [conv_norm_relu(x, filters, 1, f"{name}_1")]
    for i, rate in enumerate(atrous_rates, start=2):
        branches.append(separable_convolution(x, filters, rate, f"{name}_{i}"))
    mean = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    mean = conv_norm_relu(mean, filters, 1, f"{name}_pooled")
    branches.append(BroadcastTo(name=f"{name}_broadcast")([mean, x]))
    x = layers.Concatenate(name=f"{name}_join")(branches)
    x = conv_norm_relu(x, filters, 1, f"{name}_project")
    return layers.Dropout(dropout, name=name)(x)


def separable_convolution(x, filters, dilation, name):
    """Builds a 3x3 convolution per channel, then a 1x1 convolution, each with batch normalization and ReLU."""
    x = layers.DepthwiseConv2D(
        3,
        padding="same",
        dilation_rate=dilation,
        use_bias=False,
        depthwise_initializer="he_normal",
        name=f"{name}_depthwise",
    )(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=f"{name}_depthwise_bn")(x)
    x = layers.ReLU(name=f"{name}_depthwise_relu")(x)
    return conv_norm_relu(x, filters, 1, name, relu_name=name)
