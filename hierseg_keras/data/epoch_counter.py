"""The number of the epoch that a pass over training data belongs to."""

import threading

import numpy as np
import tensorflow as tf

from hierseg_keras.data.argument_checks import check_arguments


class EpochCounter:
    """Gives each pass its number: one more than the last pass had, unless `set` says otherwise.

    It lives in Python, as a variable created under a `tf.distribute` strategy would be copied to every replica.

    Args:
        first: Number of the first pass.
    """

    def __init__(self, first):
        self._next, self._lock = first, threading.Lock()

    def set(self, epoch):
        """Sets the number of the next pass to begin, an integer of at least 0."""
        check_arguments("set_epoch", epoch=epoch)
        with self._lock:
            self._next = int(epoch)

    def begin_pass(self):
        """Takes the number of a pass inside tf.data: int64 scalar."""
        return tf.ensure_shape(tf.numpy_function(self._take, [], tf.int64), ())

    def _take(self):
        with self._lock:
            epoch, self._next = self._next, self._next + 1
        return np.int64(epoch)
