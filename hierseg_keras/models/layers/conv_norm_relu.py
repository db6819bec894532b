"""A convolution followed by batch normalization and ReLU."""

from keras import layers

# PyTorch's value. Keras's default is a hundred times larger.
EPSILON = 1e-5
# With Keras's default of 0.99, the moving averages are useful only after about a thousand steps.
MOMENTUM = 0.9


def conv_norm_relu(x, filters, size, name, use_bias=False):
    """Builds a convolution, batch normalization and ReLU, whose layer names begin with `name`."""
    x = layers.Conv2D(
        filters, size, padding="same", use_bias=use_bias, kernel_initializer="he_normal", name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
