"""Strides that are traded for dilations, which keep a map's size."""

# By stack, where the whole network's stride is 32.
_STRIDES = (1, 2, 2, 2)


def strides_and_dilations(output_stride, strides=_STRIDES):
    """Each of four stacks' stride and dilation behind a stem of stride 4: past the output stride, dilation takes over.

    >>> strides_and_dilations(16)
    ((1, 2, 2, 1), (1, 1, 1, 2))
    """
    kept, dilations, reached, dilation = [], [], 4, 1
    for stride in strides:
        if reached * stride > output_stride:
            dilation *= stride
            stride = 1
        reached *= stride
        kept.append(stride)
        dilations.append(dilation)
    return tuple(kept), tuple(dilations)
