"""WideResNet-38, with the layer names of its published checkpoints."""

import keras
from keras import layers, ops

from hierseg_keras.models.backbones.residual_blocks import torch_convolution
from hierseg_keras.models.layers.conv_norm_relu import EPSILON, MOMENTUM
from hierseg_keras.models.layers.dilation import strides_and_dilations

# Modules 2 to 7: the number of blocks, the channels of each block's convolutions (3x3 and 3x3, or 1x1, 3x3 and 1x1),
# and the dropout rate before the last convolution.
MODULES = (
    (3, (128, 128), 0.0),
    (3, (256, 256), 0.0),
    (6, (512, 512), 0.0),
    (3, (512, 1024), 0.0),
    (1, (512, 1024, 2048), 0.3),
    (1, (1024, 2048, 4096), 0.5),
)


def wide_resnet38(output_stride, modules=MODULES, name=None):
    """Builds WideResNet-38 with activations before convolutions (Wu et al., Pattern Recognition 2019, A2).

    Args:
        output_stride: Largest stride: 8, 16 or 32. Later strides become dilations.
        modules: Number of blocks, channels and dropout rate of each of modules 2 to 7.
        name: Name of the model.

    Returns:
        `keras.Model` from scaled images to two maps: that of module 2, at stride 2, which Zhu et al.
        (CVPR 2019) use as the low-level map of their decoder, and the last map, at `output_stride`.
    """
    image = layers.Input((None, None, 3))
    x = torch_convolution(image, modules[0][1][0] // 2, 3, "mod1.conv1")
    # These are the strides of modules 4 to 7. Before module 4, two poolings have reached a stride of 4.
    strides, dilations = strides_and_dilations(output_stride, strides=(2, 2, 2, 1))
    strides, dilations = (1, 1, *strides), (1, 1, *dilations)
    maps = []
    for module, (blocks, channels, dropout) in enumerate(modules, start=2):
        if module < 4:
            # Pads both sides equally with minus infinity, as PyTorch does. TensorFlow's "same" would shift the map.
            x = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=float("-inf"))
            x = layers.MaxPooling2D(3, strides=2, name=f"pool{module}")(x)
        stride, dilation = strides[module - 2], dilations[module - 2]
        for i in range(blocks):
            x = _block(x, channels, stride if i == 0 else 1, dilation, dropout, f"mod{module}.block{i + 1}")
        maps.append(x)
    x = _norm_relu(maps[-1], "bn_out")
    return keras.Model(image, [maps[0], x], name=name)


def _block(x, channels, stride, dilation, dropout, name):
    """Builds a residual block of two or three convolutions, each after normalization and activation."""
    active = _norm_relu(x, f"{name}.bn1")
    skip = x
    if stride > 1 or x.shape[-1] != channels[-1]:
        skip = torch_convolution(active, channels[-1], 1, f"{name}.proj_conv", stride)
    # The first convolution has the stride, whether it is 3x3 or 1x1.
    sizes = (3, 3) if len(channels) == 2 else (1, 3, 1)
    x = active
    for i, (filters, size) in enumerate(zip(channels, sizes), start=1):
        is_last = i == len(channels)
        if i > 1:
            x = _norm_relu(x, f"{name}.convs.bn{i}")
        if is_last and dropout:
            x = layers.Dropout(dropout, name=f"{name}.convs.dropout")(x)
        conv_stride = stride if i == 1 else 1
        x = torch_convolution(x, filters, size, f"{name}.convs.conv{i}", conv_stride, dilation if size > 1 else 1)
    return layers.Add(name=f"{name}.add")([x, skip])


def _norm_relu(x, name):
    x = layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=name)(x)
    return layers.ReLU(name=f"{name}.relu")(x)
