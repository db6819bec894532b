"""The commonest three layers of a segmentation head."""

from keras import layers

# PyTorch's, and Keras's is a hundred times that.
EPSILON = 1e-5
# Keras's 0.99 needs a thousand steps before the moving averages can be evaluated with.
MOMENTUM = 0.9


def conv_norm_relu(x, filters, size, name, use_bias=False):
    """A convolution, batch normalization and ReLU."""
    x = layers.Conv2D(
        filters, size, padding="same", use_bias=use_bias, kernel_initializer="he_normal", name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
