"""Probabilities that are calibrated by a temperature."""

import math

import keras
from keras import ops

from hierseg_keras.models.wrappers.averaging_wrapper import AveragingWrapper
from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.scores import Scores
from hierseg_keras.tree.tensor import Tensor


@keras.saving.register_keras_serializable("hierseg_keras")
class Calibrated(AveragingWrapper):
    """Divides a network's logits by a temperature, so that its probabilities agree with its accuracy.

    Formula, with `z` the logits and `T` the temperature:

        p = softmax(z / T)     for leaf scores
        p = sigmoid(z / T)     for node scores

    A temperature above 1 lowers overconfident probabilities. For leaf scores, the most probable leaf stays the same.
    For node scores, `best_path` adds probabilities along each path, so that the best path of a pixel may change.
    `training.find_temperature` finds the temperature, and `training.calibrate_run` that of a run.

    Probabilities that the network rounds to exactly 0 or 1 cannot be calibrated, because their logits are lost. A
    network whose softmax or sigmoid saturates has many of them: remove its last activation, so that it returns logits.

    Args:
        model: `keras.Model` from images `(B, H, W, 3)` to node or leaf scores, `(B, H, W, V)` or `(B, H, W, L)`.
        temperature: Float above 0.
        tree: `ClassTree`, or its text. Defaults to `model.tree`.
        scores, from_logits: As in `MultiScale`.
        name: Name of the model.

    Call arguments:
        image: Images, as `model` expects them.

    Returns:
        Float32 tensor, `(B, H, W, V)` or `(B, H, W, L)`: logits if the network returns logits, and otherwise
        probabilities.

    Raises:
        TypeError: If `model` is a subclassed model, whose output shape is unknown.
        ValueError: If `temperature` is not a finite number above 0; if there is no tree; if the channels do not fit
            the tree; or if it cannot be inferred whether `model` returns logits or probabilities.

    Example:

    >>> calibrated = hs.models.Calibrated(model, temperature=2.0)
    >>> bool(np.allclose(calibrated(images), model(images) / 2))
    True

    Reference:
        [Guo et al., On Calibration of Modern Neural Networks, ICML 2017](https://arxiv.org/abs/1706.04599).
    """

    def __init__(
        self,
        model: keras.Model,
        temperature: float,
        tree: ClassTree | str | None = None,
        scores: str | None = None,
        from_logits: bool | None = None,
        name: str | None = None,
        **kwargs,
    ):
        if not (temperature > 0 and math.isfinite(temperature)):
            raise ValueError(f"`Calibrated` expects a `temperature` above 0. Received: temperature={temperature!r}.")
        super().__init__(model, tree, scores, from_logits, {"temperature": float(temperature)}, name=name, **kwargs)

    def call(self, image: Tensor, training: bool = False) -> Tensor:
        y_pred = ops.cast(self.model(image, training=False), "float32")
        logits = self.meaning.logits(y_pred) / self.temperature
        if self.from_logits:
            return logits
        return Scores(self.tree, self.scores, from_logits=True).probabilities(logits)
