"""Residual blocks with PyTorch's layer names and padding, so that its checkpoints can be loaded."""

from keras import layers

from hierseg_keras.models.layers.conv_norm_relu import EPSILON, MOMENTUM


def bottleneck(x, filters, name, stride=1, dilation=1, pools_shortcut=False):
    """Builds a block of 1x1, 3x3 and 1x1 convolutions with `4 * filters` output channels.

    The 3x3 convolution has the stride, as in ResNet "V1.5". The shortcut has it in its convolution, or with
    `pools_shortcut` in an average pooling before the convolution, as in ResNet "D".
    """
    skip = x
    if x.shape[-1] == 4 * filters and stride == 1:
        pass
    elif pools_shortcut:
        if stride > 1:
            # An incomplete cell at the end is averaged over its own pixels.
            skip = layers.AveragePooling2D(stride, padding="same", name=f"{name}.downsample.0")(skip)
        skip = conv_norm(skip, 4 * filters, 1, f"{name}.downsample.1", f"{name}.downsample.2")
    else:
        skip = conv_norm(x, 4 * filters, 1, f"{name}.downsample.0", f"{name}.downsample.1", stride)
    x = torch_conv_norm_relu(x, filters, 1, f"{name}.conv1", f"{name}.bn1")
    x = torch_conv_norm_relu(x, filters, 3, f"{name}.conv2", f"{name}.bn2", stride, dilation)
    x = conv_norm(x, 4 * filters, 1, f"{name}.conv3", f"{name}.bn3")
    return layers.ReLU(name=f"{name}.relu")(layers.Add(name=f"{name}.add")([x, skip]))


def basic_block(x, name):
    """Builds a block of two 3x3 convolutions, which keep the number of channels."""
    filters, skip = x.shape[-1], x
    x = torch_conv_norm_relu(x, filters, 3, f"{name}.conv1", f"{name}.bn1")
    x = conv_norm(x, filters, 3, f"{name}.conv2", f"{name}.bn2")
    return layers.ReLU(name=f"{name}.relu")(layers.Add(name=f"{name}.add")([x, skip]))


def torch_conv_norm_relu(x, filters, size, conv_name, norm_name, stride=1, dilation=1):
    """Builds a convolution, batch normalization and ReLU, with PyTorch's padding."""
    x = conv_norm(x, filters, size, conv_name, norm_name, stride, dilation)
    return layers.ReLU(name=f"{norm_name}.relu")(x)


def conv_norm(x, filters, size, conv_name, norm_name, stride=1, dilation=1):
    """Builds a convolution and batch normalization, with PyTorch's padding."""
    x = torch_convolution(x, filters, size, conv_name, stride, dilation)
    return layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=norm_name)(x)


def torch_convolution(x, filters, size, name, stride=1, dilation=1, use_bias=False):
    """Builds a convolution with PyTorch's padding of `dilation * (size // 2)`."""
    is_padded = stride > 1 and size > 1
    if is_padded:
        # PyTorch pads both sides equally. With a stride, TensorFlow's "same" would shift the map by a pixel.
        x = layers.ZeroPadding2D(dilation * (size // 2), name=f"{name}.pad")(x)
    return layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding="valid" if is_padded else "same",
        dilation_rate=dilation,
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=name,
    )(x)
