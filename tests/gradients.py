"""Values and gradients on either backend, as NumPy arrays."""

import contextlib

import keras
import numpy as np

IS_TENSORFLOW = keras.backend.backend() == "tensorflow"


def value_and_gradient(function, x, jit=False):
    """Value and gradient at `x` of a function from one tensor to a scalar.

    With `jit`, JAX compiles the whole, which is faster for shapes met once; without it, it compiles
    each operation, which is faster for shapes that many tests share.
    """
    if IS_TENSORFLOW:
        import tensorflow as tf

        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        gradient = tape.gradient(value, x, unconnected_gradients="zero")
    else:
        import jax

        function = jax.value_and_grad(function)
        value, gradient = (jax.jit(function) if jit else function)(jax.numpy.asarray(x))
    return keras.ops.convert_to_numpy(value), keras.ops.convert_to_numpy(gradient)


def evaluated(function, *inputs):
    """The outputs of a function of tensors as NumPy arrays; JAX compiles the whole."""
    if not IS_TENSORFLOW:
        import jax

        function = jax.jit(function)
    return keras.tree.map_structure(keras.ops.convert_to_numpy, function(*inputs))


def compiled(function):
    """The function as a graph of the backend."""
    if IS_TENSORFLOW:
        import tensorflow as tf

        return tf.function(function)
    import jax

    return jax.jit(function)


def double_precision():
    """JAX holds float64 only where it is told to."""
    if IS_TENSORFLOW:
        return contextlib.nullcontext()
    import jax

    return jax.enable_x64(True)


def central_differences(pixel_losses, logits, step=1e-5):
    """The gradient of the sum of the pixels' losses, one channel nudged at a time.

    Args:
        pixel_losses: Function from logits `(N, H, W, C)` to losses `(N, H, W)`, each of which depends on
            its own pixel only; so all nudges go in one call, stacked along the first axis.
        logits: `(B, H, W, C)`.
    """
    batch, channels = logits.shape[0], logits.shape[-1]
    nudges = step * np.eye(channels)[:, None, None, None, :]
    ahead = (logits + nudges).reshape(-1, *logits.shape[1:])
    behind = (logits - nudges).reshape(-1, *logits.shape[1:])
    difference = (pixel_losses(ahead) - pixel_losses(behind)) / (2 * step)
    return np.moveaxis(difference.reshape(channels, batch, *logits.shape[1:-1]), 0, -1)
