"""ResNets with the layers of PyTorch's and timm's checkpoints: strides are in the 3x3 convolutions."""

from keras import layers

from hierseg_keras.models.backbones.residual_blocks import bottleneck, torch_conv_norm_relu
from hierseg_keras.models.layers.dilation import strides_and_dilations

# Factors of a stage's dilation, one per block, as in DeepLab's multi-grid.
NO_GRID = (1,)


def resnet_stages(x, blocks, output_stride=32, width=64, prefix="", is_variant_d=False):
    """Builds the stages of a ResNet of bottleneck blocks (He et al., CVPR 2016).

    Args:
        x: Symbolic tensor of scaled images, `(B, H, W, 3)`.
        blocks: Number of residual blocks of each of the four stages.
        output_stride: Largest stride: 8, 16 or 32. Later strides become dilations. Defaults to 32.
        width: A quarter of the channels of the first stage. Each further stage doubles them. Defaults
            to 64.
        prefix: Prefix of all layer names.
        is_variant_d: Whether to build ResNet "D" (He et al., Bag of Tricks, CVPR 2019): a stem of three 3x3
            convolutions, and average pooling in the shortcuts. The first block of a dilated stage then has the
            dilation of the stage before. Defaults to `False`.

    Returns:
        Dict from `"layer1"`, ..., `"layer4"` to maps, at strides 4, 8, 16 and 32, but at most
        `output_stride`.
    """
    x = resnet_stem(x, width // 2, prefix, is_deep=True) if is_variant_d else resnet_stem(x, width, prefix)
    stages, before = {}, 1
    for stage, (stride, dilation) in enumerate(zip(*strides_and_dilations(output_stride)), start=1):
        name = f"layer{stage}"
        options = {"first_dilation": before, "pools_shortcuts": True} if is_variant_d else {}
        size = (blocks[stage - 1], width * 2 ** (stage - 1), stride, dilation)
        x = stages[name] = resnet_stage(x, *size, prefix + name, **options)
        before = dilation
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


def resnet_stage(x, blocks, width, stride, dilation, name, grid=NO_GRID, first_dilation=None, pools_shortcuts=False):
    """Builds residual blocks, of which the first has the stride.

    Args:
        x: Symbolic map.
        blocks: Number of blocks.
        width: A quarter of the output channels.
        stride: Stride of the first block.
        dilation: Dilation of the stage.
        name: Prefix of all layer names.
        grid: Factors of the dilation, one per block; the last factor applies to all further blocks.
        first_dilation: Dilation of the first block. Defaults to that of the stage.
        pools_shortcuts: As in `bottleneck`.

    Returns:
        Symbolic map.
    """
    for i in range(blocks):
        block_dilation = dilation * grid[min(i, len(grid) - 1)]
        if i == 0 and first_dilation is not None:
            block_dilation = first_dilation
        x = bottleneck(x, width, f"{name}.{i}", stride if i == 0 else 1, block_dilation, pools_shortcuts)
    return x
