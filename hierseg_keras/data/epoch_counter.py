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
    """

    def __init__(self, first):
        self._next, self._lock = first, threading.Lock()

    def set(self, epoch):
        """Sets the number of the next pass, an integer of at least 0."""
        check_arguments("set_epoch", epoch=epoch)
        with self._lock:
            self._next = int(epoch)

    def begin_pass(self):
        """Returns the number of a new pass as an int64 scalar tensor, inside tf.data."""
        return tf.ensure_shape(tf.numpy_function(self._take, [], tf.int64), ())

    def _take(self):
        with self._lock:
            epoch, self._next = self._next, self._next + 1
        return np.int64(epoch)
