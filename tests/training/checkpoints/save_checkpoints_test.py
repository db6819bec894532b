import keras
import numpy as np

from hierseg_keras.training import RunConfig
from hierseg_keras.training.checkpoints import save_checkpoints
from hierseg_keras.training.checkpoints.interval import Interval
from hierseg_keras.training.checkpoints.save_checkpoints import SaveCheckpoints
from hierseg_keras.training.checkpoints.stop_request import StopRequest


class Clock(keras.callbacks.Callback):
    """The time at the end of each batch, in seconds."""

    def __init__(self, times):
        super().__init__()
        self._times, self._now = times, 0

    def on_train_batch_end(self, batch, logs=None):
        self._now = self._times[batch]

    def monotonic(self):
        return self._now


class SaveCheckpointsTest:
    def test_time_between_two_is_counted_from_the_last(self, tmp_path, monkeypatch):
        clock, saved = Clock([9, 10, 19, 20, 21, 22]), []
        monkeypatch.setattr(save_checkpoints, "time", clock)
        keep = lambda folder, checkpoint: saved.append(checkpoint.position.num_batches)  # noqa: E731
        monkeypatch.setattr(save_checkpoints, "save_checkpoint", keep)
        callback = SaveCheckpoints(tmp_path, Interval(seconds=10), [], StopRequest(), RunConfig())
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", loss="mse")
        model.fit(np.zeros((6, 1)), np.zeros((6, 1)), batch_size=1, verbose=0, callbacks=[clock, callback])
        # The last one is that of the end.
        assert saved == [2, 4, 6]
