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
