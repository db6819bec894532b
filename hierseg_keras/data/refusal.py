"""Errors from inside tf.data that say one sentence."""

import re

import numpy as np
import tensorflow as tf


def refuse(sentence, *values):
    """Makes an operation that fails with a sentence.

    Args:
        sentence: Function from the NumPy values of `values` to the sentence.
        *values: Tensors.

    Returns:
        Operation, for `tf.control_dependencies` or a branch of `tf.cond`. It raises `ValueError` where it runs
        eagerly, and `tf.errors.InvalidArgumentError` inside tf.data.
    """

    def fail(*values):
        # Eagerly, a scalar comes as an array.
        arrays = [np.asarray(value) for value in values]
        raise ValueError(sentence(*(array if array.ndim else array.item() for array in arrays)))

    return tf.numpy_function(fail, values, [])


def sentence_of(error):
    """Finds the sentence in an error that `refuse` raised inside tf.data.

    Args:
        error: Exception.

    Returns:
        String, or `None` if the error is another one.
    """
    found = re.search(r"ValueError: (.*?)\n\s*Traceback \(most recent call last\)", str(error), re.DOTALL)
    return found and found[1].strip()


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
