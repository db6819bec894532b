"""Errors from inside tf.data that say one sentence."""

import re

import numpy as np
import tensorflow as tf


def refuse(sentence, *values):
    """Makes an operation that fails with a sentence.

    Args:
        sentence: Function from the values, as NumPy arrays or as Python's own scalars, to the sentence.
        *values: Tensors.

    Returns:
        Operation of a graph, for `tf.control_dependencies` or for a branch of `tf.cond`.

    Raises:
        ValueError: At once where it runs eagerly. Inside tf.data the operation raises
            `tf.errors.InvalidArgumentError`, in which `sentence_of` finds the sentence.
    """

    def told(*arrays):
        arrays = [np.asarray(array) for array in arrays]
        return sentence(*(array if array.ndim else array.item() for array in arrays))

    if tf.executing_eagerly():
        raise ValueError(told(*values))
    # An exception from Python would bring its stack trace into the message.
    return tf.debugging.Assert(False, [tf.numpy_function(lambda *arrays: told(*arrays).encode(), values, tf.string)])


def sentence_of(error):
    """Finds the sentence in an error that `refuse` raised inside tf.data.

    Args:
        error: Exception.

    Returns:
        String, or `None` if the error is another one.
    """
    found = re.search(r"assertion failed: \[(.*)\]\s*$", str(error), re.MULTILINE)
    # An assertion of several values has more to tell than its first one.
    return re.sub(r"\\(.)", r"\1", found[1]) if found and "] [" not in found[1] else None
