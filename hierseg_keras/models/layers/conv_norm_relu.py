"""A convolution followed by batch normalization and ReLU."""

from keras import layers

# PyTorch's value. Keras's default is a hundred times larger.
EPSILON = 1e-5
# With Keras's default of 0.99, the moving averages are useful only after about a thousand steps.
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
    """Builds a convolution, batch normalization and ReLU: layers `{name}_conv`, `{name}_bn` and `{name}_relu`."""
    x = layers.Conv2D(
        filters, size, padding="same", use_bias=use_bias, kernel_initializer=kernel_initializer, name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(momentum=momentum, epsilon=epsilon, name=f"{name}_bn")(x)
    return layers.ReLU(name=relu_name or f"{name}_relu")(x)
