"""Numbers the passes over training data."""

import threading

import numpy as np
import tensorflow as tf

from hierseg_keras.data.argument_checks import check_arguments


class EpochCounter:
    """Numbers each pass: one more than the last pass, unless `set` was called.

    The counter is a Python object, because a variable created in the scope of a `tf.distribute` strategy would be
    copied to every replica.

    Args:
        first: Integer, number of the first pass.
        num_batches: Integer, number of batches of a pass.
    """

    def __init__(self, first, num_batches):
        self._next, self._first_batch, self._lock = first, 0, threading.Lock()
        self._num_batches = num_batches

    def set(self, epoch, first_batch=0):
        """Sets the number of the next pass, and the batch it begins with, two integers of at least 0."""
        check_arguments("set_epoch", epoch=epoch, first_batch=first_batch)
        if first_batch > self._num_batches:
            raise ValueError(
                f"`set_epoch` expects `first_batch` to be at most {self._num_batches}, the batches of an epoch. "
                f"Received: first_batch={first_batch}."
            )
        with self._lock:
            self._next, self._first_batch = int(epoch), int(first_batch)

    def begin_pass(self):
        """Returns the number of a new pass and its first batch as two int64 scalar tensors, inside tf.data."""
        epoch, first_batch = tf.numpy_function(self._take, [], [tf.int64, tf.int64])
        return tf.ensure_shape(epoch, ()), tf.ensure_shape(first_batch, ())

    def _take(self):
        with self._lock:
            epoch, self._next = self._next, self._next + 1
            first_batch, self._first_batch = self._first_batch, 0
        return np.int64(epoch), np.int64(first_batch)
