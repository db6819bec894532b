"""The part of every batch that one of several processes loads."""

import numpy as np
import tensorflow as tf


def own_positions(batch_part, batch_size, first, count):
    """Returns which of the examples at the positions `first` to `first + count - 1` are in a part of their batch.

    Args:
        batch_part: Pair `(i, n)`: part `i` of `n` equal parts of consecutive examples.
        batch_size: Integer, images in a whole batch.
        first, count: Integers.

    Returns:
        Boolean array `(count,)`.
    """
    index, parts = batch_part
    positions = np.arange(first, first + count, dtype=np.int64)
    return positions % batch_size // (batch_size // parts) == index


def own_examples(examples, batch_part, batch_size, first=0):
    """Selects the examples of a part of every batch. Call it before examples are decoded.

    Args:
        examples: `tf.data.Dataset` of known length.
        batch_part, batch_size: As in `own_positions`.
        first: Integer, position of the first example in the whole data set. Defaults to 0.

    Returns:
        `tf.data.Dataset` of known length.
    """
    index, parts = batch_part
    length = batch_size // parts
    count = np.count_nonzero(own_positions(batch_part, batch_size, first, int(examples.cardinality())))
    own = examples.enumerate(first).filter(lambda position, _: position % batch_size // length == index)
    return own.map(lambda _, example: example).apply(tf.data.experimental.assert_cardinality(count))


def with_blank_rows(image, label, padding, batch_size):
    """Appends blank images to a batch that is not full.

    Args:
        image, label: Tensors `(B, H, W, C)` and `(B, H, W)`.
        padding: Pair `(color, label)` of blank pixels.
        batch_size: Integer, number of images afterwards.
    """
    missing = batch_size - tf.shape(image)[0]
    return tuple(
        tf.pad(pixels, [[0, missing], *[[0, 0]] * (pixels.shape.rank - 1)], constant_values=value)
        for pixels, value in zip((image, label), padding)
    )
