"""Saves checkpoints during training."""

import math
import signal
import time

import keras

from hierseg_keras.distribution.processes import is_first
from hierseg_keras.models.weights.finite_weights import check_finite_weights
from hierseg_keras.training.checkpoints.checkpoint_files import Checkpoint, Position, save_checkpoint
from hierseg_keras.training.checkpoints.stop_request import TrainingInterrupted
from hierseg_keras.training.checkpoints.training_state import take_state


class SaveCheckpoints(keras.callbacks.Callback):
    """Saves a checkpoint in regular intervals, when the training ends, and when the process is asked to stop.

    A checkpoint is taken between two batches, if the loss and all weights are finite. A run that goes on from the end
    of an epoch's last batch validates again. With an interval, there is also a checkpoint after the first epoch, so
    that a run with weights has one.

    Args:
        folder: `pathlib.Path` of the run's checkpoints.
        interval: `Interval`, or `None` for no regular checkpoints.
        callbacks: List of the run's other callbacks, whose state is saved. Place this callback after them.
        request: `StopRequest`.
        config: `RunConfig` of the run.
        resumed: `Position` from which the run is resumed. Defaults to `None`.

    Raises:
        TrainingInterrupted: After a batch or an epoch, if the process has been asked to stop.
        OSError: If the disk is full. Earlier checkpoints stay.
    """

    def __init__(self, folder, interval, callbacks, request, config, resumed=None):
        super().__init__()
        self._folder, self._interval, self._callbacks = folder, interval, callbacks
        self._request, self._config, self._resumed = request, config.to_values(), resumed
        self._epoch, self._end_of_epoch = 0, None

    def on_train_begin(self, logs=None):
        self._saved_at, self._saved_batch = time.monotonic(), self._resumed and self._resumed.num_batches

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        position = Position(self._epoch, batch + 1, self.params["steps"])
        if self._resumed is not None and position.num_batches < self._resumed.num_batches:
            return
        is_epoch_end = position.batch == position.batches_per_epoch
        is_end = is_epoch_end and self._epoch + 1 == self.params["epochs"]
        # Asked once, because a signal may come at any time.
        is_asked_to_stop, is_interval_over = self._request.agree(self._is_due(position))
        # Of the model itself: on the JAX backend, `self.model` copies the whole state.
        is_due = is_end or is_asked_to_stop or is_interval_over or self._model.stop_training
        if is_due or is_epoch_end:
            checkpoint = self._take(position, logs or {})
            # Kept for a request to stop during validation, which overwrites the metrics.
            self._end_of_epoch = checkpoint if is_epoch_end else None
        if is_due:
            self._save(checkpoint)
        if is_asked_to_stop:
            self._stop(position, checkpoint)

    def on_test_batch_end(self, batch, logs=None):
        self._stop_at_end_of_epoch()

    def on_epoch_end(self, epoch, logs=None):
        self._stop_at_end_of_epoch()
        if self.model.stop_training:
            self._save(self._end_of_epoch)
        self._end_of_epoch = None

    def _stop_at_end_of_epoch(self):
        if self._end_of_epoch is None:
            return
        is_asked_to_stop, _ = self._request.agree()
        if is_asked_to_stop:
            self._save(self._end_of_epoch)
            self._stop(self._end_of_epoch.position, self._end_of_epoch)

    def _is_due(self, position):
        if self._interval is None:
            return False
        if self._saved_batch is None and position.batch == position.batches_per_epoch:
            return True
        if self._interval.batches is not None:
            return position.num_batches % self._interval.batches == 0
        return time.monotonic() - self._saved_at >= self._interval.seconds

    def _take(self, position, logs):
        """Returns a checkpoint, or `None` if the loss or a weight is not finite: training will end with an error."""
        try:
            check_finite_weights(self.model, "saving a checkpoint")
        except FloatingPointError:
            return None
        if not math.isfinite(logs.get("loss", 0.0)):
            return None
        return Checkpoint(position, *take_state(self.model, [*self._callbacks, self.model.history]), self._config)

    def _save(self, checkpoint):
        if checkpoint is None:
            return
        number = checkpoint.position.num_batches
        if number != self._saved_batch and is_first():
            save_checkpoint(self._folder, checkpoint)
        self._saved_at, self._saved_batch = time.monotonic(), number

    def _stop(self, position, checkpoint):
        name = signal.Signals(self._request.signal).name
        saved = "Its state is saved." if checkpoint is not None else "Its weights are not finite, and are not saved."
        raise TrainingInterrupted(f"{name}: the training stopped after {position}. {saved}", self._request.signal)
