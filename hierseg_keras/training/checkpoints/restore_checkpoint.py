"""Restores a checkpoint inside of `fit`, and skips the batches that were trained on before it."""

import keras
import numpy as np

from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.training.checkpoints.training_state import restore_state


class RestoreCheckpoint(keras.callbacks.Callback):
    """Restores a checkpoint at the beginning of its epoch.

    `fit` must begin with this epoch. It counts the batches before the checkpoint, but neither loads them nor trains on
    them. The state is restored after all callbacks have begun the epoch, because they reset what they remember; and
    again after the skipped batches, because callbacks may count these.

    Args:
        checkpoint: `Checkpoint`.
        dataset: Training data set, as returned by `data.load`.
        callbacks: List of the run's other callbacks. Place this callback after them.
        planned: Number of batches over which HSSN's weight of the triplet loss grows.

    Raises:
        ValueError: If training begins with another epoch, or the checkpoint is that of another model.
    """

    def __init__(self, checkpoint, dataset, callbacks, planned):
        super().__init__()
        self._checkpoint, self._dataset, self._callbacks = checkpoint, dataset, callbacks
        self._planned = planned

    def on_epoch_begin(self, epoch, logs=None):
        if self._checkpoint is None:
            return
        position = self._checkpoint.position
        if epoch != position.epoch:
            raise ValueError(
                f"expected training to begin with epoch {position.epoch + 1}. Received: epoch {epoch + 1}. Remove "
                "callbacks that resume a training, such as `BackupAndRestore`."
            )
        _build_metrics(self.model)
        self._restore()
        self._dataset.set_epoch(position.epoch, first_batch=position.batch)
        self._skip(position.batch)

    def on_train_batch_end(self, batch, logs=None):
        if self._checkpoint is not None and batch + 1 == self._checkpoint.position.batch:
            self._restore()
            # Frees the arrays.
            self._checkpoint = None

    def _restore(self):
        callbacks = [*self._callbacks, self.model.history]
        restore_state(self.model, callbacks, self._checkpoint.arrays, self._checkpoint.values)
        if hasattr(self.model, "replan"):
            self.model.replan(self._planned)

    def _skip(self, count):
        """Makes the next calls of the training step return the restored metrics, without a step."""
        # On the JAX backend, `self.model` writes the state of the epoch into the variables, which the step must not do.
        model = self.model
        train, logs = model.train_function, model.get_metrics_result()

        # On the JAX backend, the step also takes and returns the state.
        def skip(*state_and_iterator):
            nonlocal count
            if count:
                count -= 1
                *state, _ = state_and_iterator
                return (logs, *state) if state else logs
            model.train_function = train
            return train(*state_and_iterator)

        model.train_function = skip


def _build_metrics(model):
    """Makes the metrics part of `model.metrics`, which Keras otherwise does in the first step. Their values change."""
    scores = scores_of(model, "RestoreCheckpoint")
    channels = scores.tree.num_nodes if scores.kind == "nodes" else scores.tree.num_leaves
    model.compute_metrics(None, np.zeros((1, 1, 1), "int32"), np.zeros((1, 1, 1, channels), "float32"))
