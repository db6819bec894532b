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


def counted(values, counts, name=str, most=20):
    """Lists values with the number of pixels of each, the most frequent first: `7 (12 pixels), 9 (1 pixel)`.

    Args:
        values, counts: 1D arrays.
        name: Function from a value to its text.
        most: Number of values that are listed.
    """
    pairs = sorted(zip(values.tolist(), counts.tolist()), key=lambda pair: -pair[1])
    listed = [f"{name(value)} ({count} pixel{'s' * (count != 1)})" for value, count in pairs[:most]]
    more = [f"and {len(pairs) - most} more"] if len(pairs) > most else []
    return ", ".join(listed + more)
