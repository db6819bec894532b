"""ResNets with the layers of PyTorch's and timm's checkpoints: strides are in the 3x3 convolutions."""

from keras import layers

from hierseg_keras.models.backbones.residual_blocks import bottleneck, torch_conv_norm_relu
from hierseg_keras.models.layers.dilation import strides_and_dilations

# Factors of a stage's dilation, one per block, as in DeepLab's multi-grid.
NO_GRID = (1,)


def resnet_stages(x, blocks, output_stride=32, width=64, prefix=""):
    """Builds the stages of a ResNet of bottleneck blocks (He et al., CVPR 2016).

    Args:
        x: Symbolic tensor of scaled images, `(B, H, W, 3)`.
        blocks: Number of residual blocks of each of the four stages.
        output_stride: Largest stride: 8, 16 or 32. Later strides become dilations. Defaults to 32.
        width: A quarter of the channels of the first stage. Each further stage doubles them. Defaults
            to 64.
        prefix: Prefix of all layer names.

    Returns:
        Dict from `"layer1"`, ..., `"layer4"` to maps, at strides 4, 8, 16 and 32, but at most
        `output_stride`.
    """
    x, stages = resnet_stem(x, width, prefix), {}
    for stage, (stride, dilation) in enumerate(zip(*strides_and_dilations(output_stride)), start=1):
        name = f"layer{stage}"
        x = stages[name] = resnet_stage(x, blocks[stage - 1], width * 2 ** (stage - 1), stride, dilation, prefix + name)
    return stages


def resnet_stem(x, width, prefix="", is_deep=False):
    """Builds the layers from images to stride 4.

    Args:
        x: Symbolic tensor of scaled images, `(B, H, W, 3)`.
        width: Channels of the first convolution.
        prefix: Prefix of all layer names.
        is_deep: Whether the stem has three 3x3 convolutions, the last of them with `2 * width` channels,
            instead of one 7x7 convolution. Defaults to `False`.

    Returns:
        Symbolic map at stride 4, after max-pooling.
    """
    if is_deep:
        x = torch_conv_norm_relu(x, width, 3, f"{prefix}conv1.0", f"{prefix}conv1.1", stride=2)
        x = torch_conv_norm_relu(x, width, 3, f"{prefix}conv1.3", f"{prefix}conv1.4")
        x = torch_conv_norm_relu(x, 2 * width, 3, f"{prefix}conv1.6", f"{prefix}bn1")
    else:
        x = torch_conv_norm_relu(x, width, 7, f"{prefix}conv1", f"{prefix}bn1", stride=2)
    # Padding with zeros does not change the maximum, because the values come from a ReLU.
    x = layers.ZeroPadding2D(1, name=f"{prefix}maxpool.pad")(x)
    return layers.MaxPooling2D(3, strides=2, name=f"{prefix}maxpool")(x)


def resnet_stage(x, blocks, width, stride, dilation, name, grid=NO_GRID):
    """Builds residual blocks, of which the first has the stride. `grid` holds a factor of the dilation per block."""
    for i in range(blocks):
        block_dilation = dilation * grid[min(i, len(grid) - 1)]
        x = bottleneck(x, width, f"{name}.{i}", stride if i == 0 else 1, block_dilation)
    return x
