"""The weight of HSSN's second objective: half a cosine over the planned updates (section 3.3)."""

import math

import keras
from keras import ops

SCHEDULES = ("cosine", "constant")


@keras.saving.register_keras_serializable("hierseg_keras")
class CosineWeight(keras.layers.Layer):
    """A number that grows from 0 to its peak by half a cosine while a network trains.

    Formula, with `t` the updates made and `T` those planned:

        weight = peak * (1 - cos(pi * min(t / T, 1))) / 2

    Both counts are among the layer's variables, so that a network that is saved, loaded and
    trained further goes on where it was.

    Args:
        peak: The weight when all updates are made. Defaults to 0.5, the paper's.
        schedule: `"cosine"`, or `"constant"`: the peak from the start.
        total_steps: Updates planned. Where it is left out, `plan` says it.
    """

    def __init__(self, peak=0.5, schedule="cosine", total_steps=None, **kwargs):
        super().__init__(**kwargs)
        if schedule not in SCHEDULES:
            raise ValueError(f"`schedule` expects one of {SCHEDULES}. Received: schedule={schedule!r}.")
        if not 0 <= peak < math.inf:
            raise ValueError(f"`peak` expects a finite number >= 0. Received: peak={peak!r}.")
        if total_steps is not None and total_steps < 1:
            raise ValueError(f"`total_steps` expects a number of updates >= 1. Received: total_steps={total_steps!r}.")
        self.peak = float(peak)
        self.schedule = schedule
        self.total_steps = total_steps
        self.is_planned = schedule == "constant" or total_steps is not None
        counter = {"shape": (), "dtype": "int32", "trainable": False, "aggregation": "only_first_replica"}
        self._num_batches = self.add_weight(initializer="zeros", name="num_batches", **counter)
        initial = keras.initializers.Constant(total_steps or 0)
        self._num_updates = self.add_weight(initializer=initial, name="num_updates", **counter)
        self.built = True

    def plan(self, done, remaining, accumulation_steps=1):
        """Says where training stands.

        Args:
            done: Updates made before.
            remaining: Updates that are to come.
            accumulation_steps: Batches an update.
        """
        self._num_batches.assign(done * accumulation_steps)
        if self.total_steps is None:
            self._num_updates.assign(done + remaining)
        self.is_planned = True

    @property
    def num_batches(self):
        """Batches counted, int32."""
        return self._num_batches

    def next(self, accumulation_steps=1):
        """The weight for this batch; counts it.

        Args:
            accumulation_steps: Batches an update, between which the weight stays.
        """
        updates = ops.cast(self._num_batches // accumulation_steps, "float32")
        self._num_batches.assign(self._num_batches + 1)
        if self.schedule == "constant":
            return ops.convert_to_tensor(self.peak, "float32")
        share = ops.minimum(updates / ops.maximum(ops.cast(self._num_updates, "float32"), 1.0), 1.0)
        return self.peak * 0.5 * (1.0 - ops.cos(math.pi * share))

    def get_config(self):
        config = {"peak": self.peak, "schedule": self.schedule, "total_steps": self.total_steps}
        return {**super().get_config(), **config}
