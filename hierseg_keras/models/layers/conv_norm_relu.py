"""The most frequent three layers of a segmentation network."""

from keras import layers

# PyTorch's, and Keras's is a hundred times that.
EPSILON = 1e-5
# Keras's 0.99 needs a thousand steps before the moving averages can be evaluated with.
MOMENTUM = 0.9
KERAS_EPSILON, KERAS_MOMENTUM = 1e-3, 0.99


def conv_norm_relu(
    x,
    filters,
    size,
    name,
    use_bias=False,
    kernel_initializer="he_normal",
    momentum=MOMENTUM,
    epsilon=EPSILON,
    relu_name=None,
):
    """Applies a convolution, batch normalization and ReLU: layers `{name}_conv`, `{name}_bn` and `{name}_relu`."""
    x = layers.Conv2D(
        filters, size, padding="same", use_bias=use_bias, kernel_initializer=kernel_initializer, name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(momentum=momentum, epsilon=epsilon, name=f"{name}_bn")(x)
    return layers.ReLU(name=relu_name or f"{name}_relu")(x)
