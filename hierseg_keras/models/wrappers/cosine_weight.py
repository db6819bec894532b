"""The weight of HSSN's triplet loss: half a cosine over the planned updates (section 3.3)."""

import math

import keras
from keras import ops

SCHEDULES = ("cosine", "constant")


@keras.saving.register_keras_serializable("hierseg_keras")
class CosineWeight(keras.layers.Layer):
    """Computes a weight that grows from 0 to its peak by half a cosine during training.

    Formula, with `t` updates made and `T` updates planned:

        weight = peak * (1 - cos(pi * min(t / T, 1))) / 2

    Both counts are variables of the layer, so that a saved and loaded network resumes the schedule.

    Args:
        peak: Weight after all planned updates. Defaults to 0.5, the paper's value.
        schedule: `"cosine"`, or `"constant"` for a weight that always equals `peak`. Defaults to
            `"cosine"`.
        total_steps: Number of planned updates of the optimizer. Defaults to the number passed to `plan`.

    Raises:
        ValueError: If `schedule` is unknown, `peak` is negative or not finite, or `total_steps` is
            below 1.
    """

    def __init__(self, peak=0.5, schedule="cosine", total_steps=None, **kwargs):
        super().__init__(**kwargs)
        if schedule not in SCHEDULES:
            raise ValueError(
                f"`schedule` (`beta_schedule` of `HSSN`) expects one of {SCHEDULES}. Received: schedule={schedule!r}."
            )
        if not 0 <= peak < math.inf:
            raise ValueError(f"`peak` (`beta` of `HSSN`) expects a finite number >= 0. Received: peak={peak!r}.")
        if total_steps is not None and total_steps < 1:
            raise ValueError(f"`total_steps` expects a number of updates >= 1. Received: total_steps={total_steps!r}.")
        self.peak = float(peak)
        self.schedule = schedule
        self.total_steps = total_steps
        self.is_planned = schedule == "constant" or total_steps is not None
        counter = {"shape": (), "dtype": "int", "trainable": False, "aggregation": "only_first_replica"}
        self._num_batches = self.add_weight(initializer="zeros", name="num_batches", **counter)
        initial = keras.initializers.Constant(total_steps or 0)
        self._num_updates = self.add_weight(initializer=initial, name="num_updates", **counter)
        self.built = True

    def plan(self, done, remaining, accumulation_steps=1):
        """Sets the numbers of updates made and planned.

        Args:
            done: Number of updates made so far.
            remaining: Number of updates to come. Not used if the layer has `total_steps`.
            accumulation_steps: Number of batches per update. Defaults to 1.
        """
        self._num_batches.assign(done * accumulation_steps)
        if self.total_steps is None:
            self._num_updates.assign(done + remaining)
        self.is_planned = True

    def replan(self, num_updates):
        """Sets the number of planned updates. The number of updates made stays the same."""
        if self.total_steps is None:
            self._num_updates.assign(num_updates)

    @property
    def num_batches(self):
        """The number of batches so far, an integer variable."""
        return self._num_batches

    def next(self, accumulation_steps=1):
        """Returns the weight for the present batch, and counts the batch.

        Args:
            accumulation_steps: Number of batches per update. The weight is the same for all batches of
                one update. Defaults to 1.

        Returns:
            Scalar float32 tensor.
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
