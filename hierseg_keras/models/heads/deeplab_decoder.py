"""The pyramid pooling and decoder of DeepLabV3+."""

from keras import layers

from hierseg_keras.models.heads.separable_pooling import separable_convolution, separable_pyramid_pooling
from hierseg_keras.models.keras_cv import keras_cv_parts
from hierseg_keras.models.layers.conv_norm_relu import KERAS_EPSILON, KERAS_MOMENTUM, conv_norm_relu
from hierseg_keras.models.layers.resize_to import ResizeTo

# By output stride. Those for 8 and 16 are the paper's. At 32 the map is half as large as at 16, and the rates are too.
ATROUS_RATES = {8: (12, 24, 36), 16: (6, 12, 18), 32: (3, 6, 9)}


def deeplab_decoder(low_level, x, filters, low_level_filters, dropout, atrous_rates, is_separable=False):
    """Builds pyramid pooling and decoder on a backbone's maps (Chen et al., ECCV 2018, section 3.1).

    Args:
        low_level: Symbolic low-level map at stride 2 or 4, `(B, h, w, any)`.
        x: Symbolic last map of the backbone, `(B, any, any, any)`.
        filters: Channels of pyramid pooling and decoder.
        low_level_filters: Channels of the projected low-level map.
        dropout: Dropout rate after pyramid pooling and at the end.
        atrous_rates: Three dilations of pyramid pooling.
        is_separable: Whether the 3x3 convolutions are depthwise separable. Defaults to `False`.

    Returns:
        Symbolic map, `(B, h, w, filters)`.
    """
    if is_separable:
        x = separable_pyramid_pooling(x, filters, dropout, atrous_rates, "aspp")
    else:
        x = keras_cv_parts().SpatialPyramidPooling(
            dilation_rates=list(atrous_rates), num_channels=filters, dropout=dropout, name="aspp"
        )(x)
    low_level = _convolution(low_level, low_level_filters, 1, "low_level")
    x = ResizeTo(name="enlarge")([x, low_level])
    x = layers.Concatenate(name="join")([x, low_level])
    if is_separable:
        x = separable_convolution(x, filters, 1, "decoder")
        x = separable_convolution(x, filters, 1, "features")
    else:
        x = _convolution(x, filters, 3, "decoder")
        x = _convolution(x, filters, 3, "features")
    return layers.Dropout(dropout, name="dropout")(x)


def _convolution(x, filters, size, name):
    as_keras_has_it = {"kernel_initializer": "glorot_uniform", "momentum": KERAS_MOMENTUM, "epsilon": KERAS_EPSILON}
    return conv_norm_relu(x, filters, size, name, relu_name=name, **as_keras_has_it)
