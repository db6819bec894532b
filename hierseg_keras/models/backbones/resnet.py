"""ResNets with dilations, whose layers have the order of `keras.applications`, so that its weights fit."""

import keras
from keras import layers

from hierseg_keras.models.layers.dilation import strides_and_dilations

_EPSILON = 1.001e-5


def resnet_v1(blocks, output_stride, bottleneck=True, width=64, name=None):
    """Builds the ResNet of He et al., CVPR 2016.

    Args:
        blocks: Number of residual blocks of each of the four stacks.
        output_stride: Stride of the last map: 8, 16 or 32.
        bottleneck: Whether blocks have 1x1, 3x3 and 1x1 convolutions with four times the output channels,
            as in ResNet-50 and larger, or two 3x3 convolutions. Defaults to `True`.
        width: Channels of the first stack. Each further stack doubles them. Defaults to 64.
        name: Name of the model.

    Returns:
        `keras.Model` from scaled images to two maps, at stride 4 and at `output_stride`.
    """
    block = _bottleneck_block if bottleneck else _basic_block
    image = layers.Input((None, None, 3))
    x = layers.ZeroPadding2D(3, name="conv1_pad")(image)
    x = layers.Conv2D(width, 7, strides=2, name="conv1_conv")(x)
    x = _norm_relu(x, "conv1")
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    maps = []
    for stack, (stride, dilation) in enumerate(zip(*strides_and_dilations(output_stride))):
        for i in range(blocks[stack]):
            # The first basic block changes neither size nor channels, so that its skip needs no convolution.
            projected = i == 0 and (bottleneck or stack > 0)
            stack_name = f"conv{stack + 2}_block{i + 1}"
            x = block(x, width * 2**stack, stride if i == 0 else 1, dilation, projected, stack_name)
        maps.append(x)
    return keras.Model(image, [maps[0], maps[-1]], name=name)


def resnet_v2(blocks, output_stride, name=None):
    """Builds a ResNet V2 (He et al., ECCV 2016) as `keras.applications` does.

    The stride of each stack is in its last block. KerasCV's ResNet V2 has it in the first block.

    Args:
        blocks, output_stride, name: As in `resnet_v1`.

    Returns:
        `keras.Model` from scaled images to two maps, at stride 4 and at `output_stride`. The map at stride
        4 is the input of the last block of the first stack.
    """
    image = layers.Input((None, None, 3))
    x = layers.ZeroPadding2D(3, name="conv1_pad")(image)
    x = layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    strides, dilations = strides_and_dilations(output_stride)
    for stack in range(4):
        # The last block of a stack has the stride of the next stack. The last stack has none.
        stride = (*strides, 1)[stack + 1]
        for i in range(blocks[stack]):
            is_last = i == blocks[stack] - 1
            if stack == 0 and is_last:
                low = x
            x = _preactivated_block(
                x, 64 * 2**stack, stride if is_last else 1, dilations[stack], i == 0, f"conv{stack + 2}_block{i + 1}"
            )
    x = layers.BatchNormalization(epsilon=_EPSILON, name="post_bn")(x)
    x = layers.Activation("relu", name="post_relu")(x)
    return keras.Model(image, [low, x], name=name)


def _bottleneck_block(x, filters, stride, dilation, projected, name):
    skip = x
    if projected:
        skip = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(x)
        skip = _norm(skip, f"{name}_0")
    x = layers.Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv")(x)
    x = _norm_relu(x, f"{name}_1")
    x = layers.Conv2D(filters, 3, padding="same", dilation_rate=dilation, name=f"{name}_2_conv")(x)
    x = _norm_relu(x, f"{name}_2")
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    x = _norm(x, f"{name}_3")
    x = layers.Add(name=f"{name}_add")([skip, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _basic_block(x, filters, stride, dilation, projected, name):
    skip = x
    if projected:
        skip = layers.Conv2D(filters, 1, strides=stride, name=f"{name}_0_conv")(x)
        skip = _norm(skip, f"{name}_0")
    x = layers.ZeroPadding2D(dilation, name=f"{name}_1_pad")(x)
    x = layers.Conv2D(filters, 3, strides=stride, dilation_rate=dilation, name=f"{name}_1_conv")(x)
    x = _norm_relu(x, f"{name}_1")
    x = layers.Conv2D(filters, 3, padding="same", dilation_rate=dilation, name=f"{name}_2_conv")(x)
    x = _norm(x, f"{name}_2")
    x = layers.Add(name=f"{name}_add")([skip, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _preactivated_block(x, filters, stride, dilation, projected, name):
    active = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_preact_bn")(x)
    active = layers.Activation("relu", name=f"{name}_preact_relu")(active)
    if projected:
        skip = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(active)
    else:
        skip = layers.MaxPooling2D(1, strides=stride, name=f"{name}_0_pool")(x) if stride > 1 else x
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(active)
    x = _norm_relu(x, f"{name}_1")
    x = layers.ZeroPadding2D(dilation, name=f"{name}_2_pad")(x)
    x = layers.Conv2D(filters, 3, strides=stride, dilation_rate=dilation, use_bias=False, name=f"{name}_2_conv")(x)
    x = _norm_relu(x, f"{name}_2")
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    return layers.Add(name=f"{name}_out")([skip, x])


def _norm(x, name):
    return layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_bn")(x)


def _norm_relu(x, name):
    return layers.Activation("relu", name=f"{name}_relu")(_norm(x, name))
