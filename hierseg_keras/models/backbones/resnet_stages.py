"""ResNets as PyTorch's and timm's checkpoints have them: strides in the 3x3 convolutions."""

from keras import layers

from hierseg_keras.models.backbones.residual_blocks import bottleneck, torch_conv_norm_relu
from hierseg_keras.models.layers.dilation import strides_and_dilations

# Multiples of a stage's dilation by its blocks, as DeepLab's multi-grid has them.
NO_GRID = (1,)


def resnet_stages(x, blocks, output_stride=32, width=64, prefix=""):
    """A ResNet of bottlenecks from scaled images to the maps of its stages (He et al., CVPR 2016).

    Args:
        x: Symbolic tensor, `(B, H, W, 3)`.
        blocks: Residual blocks of each of the four stages.
        output_stride: 8, 16 or 32; past it, dilation takes the strides' place.
        width: A quarter of the channels of the first stage's map, doubled by each further one.
        prefix: What the names of its layers begin with.

    Returns:
        Dict from `"layer1"` to `"layer4"` to maps, at strides 4, 8, 16 and 32, or `output_stride`
        where that is less.
    """
    x, stages = resnet_stem(x, width, prefix), {}
    for stage, (stride, dilation) in enumerate(zip(*strides_and_dilations(output_stride)), start=1):
        name = f"layer{stage}"
        x = stages[name] = resnet_stage(x, blocks[stage - 1], width * 2 ** (stage - 1), stride, dilation, prefix + name)
    return stages


def resnet_stem(x, width, prefix="", is_deep=False):
    """From images to stride 4: a 7x7 convolution, or three of 3x3 with twice the channels, and a maximum."""
    if is_deep:
        x = torch_conv_norm_relu(x, width, 3, f"{prefix}conv1.0", f"{prefix}conv1.1", stride=2)
        x = torch_conv_norm_relu(x, width, 3, f"{prefix}conv1.3", f"{prefix}conv1.4")
        x = torch_conv_norm_relu(x, 2 * width, 3, f"{prefix}conv1.6", f"{prefix}bn1")
    else:
        x = torch_conv_norm_relu(x, width, 7, f"{prefix}conv1", f"{prefix}bn1", stride=2)
    # Zeros are no larger than what a ReLU gives.
    x = layers.ZeroPadding2D(1, name=f"{prefix}maxpool.pad")(x)
    return layers.MaxPooling2D(3, strides=2, name=f"{prefix}maxpool")(x)


def resnet_stage(x, blocks, width, stride, dilation, name, grid=NO_GRID):
    """Residual blocks, the first with the stride; `grid` multiplies the dilation, block by block."""
    for i in range(blocks):
        block_dilation = dilation * grid[min(i, len(grid) - 1)]
        x = bottleneck(x, width, f"{name}.{i}", stride if i == 0 else 1, block_dilation)
    return x
