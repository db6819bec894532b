"""Raises readable errors from inside tf.data."""

import re

import numpy as np
import tensorflow as tf


def refuse(sentence, *values):
    """Makes an operation that fails with a sentence.

    Args:
        sentence: Function that returns the sentence. Its arguments are `values` as NumPy arrays or Python scalars.
        *values: Tensors.

    Returns:
        Operation for `tf.control_dependencies` or a branch of `tf.cond`. When it runs inside tf.data, it raises
        `tf.errors.InvalidArgumentError`, from which `sentence_of` extracts the sentence.

    Raises:
        ValueError: If called eagerly.
    """

    def told(*arrays):
        arrays = [np.asarray(array) for array in arrays]
        return sentence(*(array if array.ndim else array.item() for array in arrays))

    if tf.executing_eagerly():
        raise ValueError(told(*values))
    # The message of a Python exception would include a stack trace.
    return tf.debugging.Assert(False, [tf.numpy_function(lambda *arrays: told(*arrays).encode(), values, tf.string)])


def sentence_of(error):
    """Extracts the sentence from an error that `refuse` raised inside tf.data.

    Args:
        error: Exception.

    Returns:
        String, or `None` if the error does not come from `refuse`.
    """
    found = re.search(r"assertion failed: \[(.*)\]\s*$", str(error), re.MULTILINE)
    # An assertion with several values is not one of `refuse`.
    return re.sub(r"\\(.)", r"\1", found[1]) if found and "] [" not in found[1] else None


def counted(values, counts, name=str, most=20):
    """Returns a list of values with their numbers of pixels, the most frequent first: `7 (12 pixels), 9 (1 pixel)`.

    Args:
        values, counts: 1D arrays of equal length.
        name: Function from a value to its text. Defaults to `str`.
        most: Integer, largest number of values to list. Defaults to 20.
    """
    pairs = sorted(zip(values.tolist(), counts.tolist()), key=lambda pair: -pair[1])
    listed = [f"{name(value)} ({count} pixel{'s' * (count != 1)})" for value, count in pairs[:most]]
    more = [f"and {len(pairs) - most} more"] if len(pairs) > most else []
    return ", ".join(listed + more)
