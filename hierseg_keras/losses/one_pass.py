"""Computes a value per pixel together with its gradient, block by block.

In the usual way, a loss of many operations keeps the result of each of them, as large as the logits, for the gradient.
Here a block of pixels passes through all operations at once, forward and backward. Only the gradient is kept, and all
other results fit into the cache of a processor.
"""

import keras
import numpy as np
from keras import ops

from hierseg_keras.tree.ops import with_gradient

# Bytes of logits per block. On a GPU, a block has to keep all processors busy.
_CPU_BYTES, _GPU_BYTES = 1 << 21, 1 << 26


def in_one_pass(function, logits, labels):
    """Applies a function to all pixels, block by block, and keeps its gradient.

    Args:
        function: Function of a block of logits, `(N, C)`, and of labels, `(N,)`. It returns a pair: a value per pixel,
            `(N,)`; and the gradient of each value with respect to the logits of its pixel, `(N, C)`.
        logits: Float tensor, `(..., C)`.
        labels: Integer tensor, `(...)`.

    Returns:
        Float tensor, `(...)`, the values, differentiable with respect to `logits`.
    """

    def values_and_backward(logits):
        values, gradient = map_blocks(function, logits, labels)
        return values, lambda upstream: upstream[..., None] * gradient

    return with_gradient(values_and_backward)(logits)


def map_blocks(function, logits, labels):
    """Applies a function to all pixels, block by block.

    Args:
        function: Function of a block of logits, `(N, C)`, and of labels, `(N,)`. It returns a tuple of tensors,
            `(N, ...)`.
        logits: Float tensor, `(..., C)`.
        labels: Integer tensor, `(...)`.

    Returns:
        Tuple of tensors, `(..., ...)`.
    """
    image = ops.shape(labels)
    pixels = ops.reshape(logits, (-1, logits.shape[-1])), ops.reshape(labels, (-1,))
    size = _block_size(logits.shape)
    if size is None:
        results = function(*pixels)
    else:
        blocks = tuple(_blocks(each, size) for each in pixels)
        results = _map(function, blocks)
        results = [_joined(result, ops.shape(pixels[1])[0], size) for result in results]
    return tuple(ops.reshape(result, (*image, *result.shape[1:])) for result in results)


def _map(function, blocks):
    """Applies a function to each block, `(size, ...)`, of tensors `(count, size, ...)`."""
    if keras.backend.backend() != "tensorflow":
        return ops.map(lambda block: function(*block), blocks)
    import tensorflow as tf

    # `keras.ops.map` (3.15) calls the function once more, only for the shapes of its results, and a loss takes about
    # half a second to trace.
    if tf.executing_eagerly():
        return [tf.stack(results) for results in zip(*(function(*block) for block in zip(*blocks)))]
    specs = [tf.TensorSpec(each.shape[1:], each.dtype) for each in blocks]
    of_block = tf.function(function, autograph=False).get_concrete_function(*specs)
    signature = tf.nest.map_structure(tf.TensorSpec.from_tensor, tuple(of_block.structured_outputs))
    return tf.map_fn(lambda block: tuple(of_block(*block)), blocks, fn_output_signature=signature)


def _block_size(shape):
    """Returns the number of pixels per block, or `None` for a single block.

    If it can be chosen so, it divides the number of pixels, since otherwise the logits are copied.
    """
    *image, num_channels = shape
    if _is_distributed():
        # The devices share the batch. A loop over its blocks would use one after the other.
        return None
    largest = max(1, _block_bytes() // (4 * num_channels))
    known = [length for length in image if length is not None]
    if len(known) == len(image) and np.prod(known) <= largest:
        return None
    num_pixels = int(np.prod(known))
    divisor = next(size for size in range(min(largest, num_pixels), 0, -1) if num_pixels % size == 0)
    return divisor if 4 * divisor >= largest else largest


def _blocks(pixels, size):
    """Divides pixels, `(N, ...)`, into blocks, `(ceil(N / size), size, ...)`, the last of which ends in zeros."""
    count = pixels.shape[0]
    if count is None or count % size:
        missing = -ops.shape(pixels)[0] % size
        pixels = ops.pad(pixels, [[0, missing], *[[0, 0]] * (len(pixels.shape) - 1)])
    return ops.reshape(pixels, (-1, size, *pixels.shape[1:]))


def _joined(blocks, num_pixels, size):
    """Reverses `_blocks`."""
    pixels = ops.reshape(blocks, (-1, *blocks.shape[2:]))
    return pixels if isinstance(num_pixels, int) and num_pixels % size == 0 else pixels[:num_pixels]


def _block_bytes():
    is_cpu = all(name.startswith("cpu") for name in keras.distribution.list_devices())
    return _CPU_BYTES if is_cpu else _GPU_BYTES


def _is_distributed():
    distribution = keras.distribution.distribution() if keras.backend.backend() == "jax" else None
    return distribution is not None and distribution.device_mesh.devices.size > 1
