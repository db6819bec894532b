"""A callback for runs in several processes."""

import os
import signal

import keras

from hierseg_keras.distribution.processes import process_index
from tests.training.several_processes import SIGNAL_AT


class SignalAt(keras.callbacks.Callback):
    """Sends a signal to one process after a number of batches, which the environment names."""

    def __init__(self):
        super().__init__()
        process, batch, self._name = os.environ.get(SIGNAL_AT, "-1 0 SIGTERM").split()
        self._batch, self._count, self._is_own = int(batch), 0, int(process) == process_index()

    def on_train_batch_end(self, batch, logs=None):
        self._count += 1
        if self._is_own and self._count == self._batch:
            os.kill(os.getpid(), signal.Signals[self._name])
