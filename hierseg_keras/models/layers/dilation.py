"""Replaces strides by dilations, so that a feature map keeps its size."""

# The strides of four stacks in a network of stride 32.
_STRIDES = (1, 2, 2, 2)


def strides_and_dilations(output_stride, strides=_STRIDES, stem_stride=4):
    """Computes the strides and dilations of stacks of layers, after a stem.

    A stride that would exceed the output stride is replaced by a dilation of this and all later stacks.

    Args:
        output_stride: Largest stride of the network: 8, 16 or 32.
        strides: Stride of each stack without dilations. Defaults to those of a ResNet.
        stem_stride: Stride of the stem. Defaults to 4.

    Returns:
        Pair of tuples, the stride and the dilation of each stack.

    Example:

    >>> strides_and_dilations(16)
    ((1, 2, 2, 1), (1, 1, 1, 2))
    """
    kept_strides, dilations, reached, dilation = [], [], stem_stride, 1
    for stride in strides:
        if reached * stride > output_stride:
            dilation *= stride
            stride = 1
        reached *= stride
        kept_strides.append(stride)
        dilations.append(dilation)
    return tuple(kept_strides), tuple(dilations)
