"""A weighted sum of losses of the same prediction."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from hierseg_keras.losses.weights import check_not_negative
from hierseg_keras.tree.tensor import Tensor


@keras.saving.register_keras_serializable("hierseg_keras")
class WeightedSum(keras.losses.Loss):
    """Computes a weighted sum of losses that compare the same labels and scores.

    Each loss has its own reduction, class weights and options. In a run's configuration, `further_losses` adds losses
    to `loss` in this way. Formula:

        loss = sum_i weights_i * losses_i(y_true, y_pred, sample_weight)

    Args:
        losses: List of losses of `hs.losses`, or your own `keras.losses.Loss` objects with the attribute `scores`,
            each reduced to a scalar. All must be losses on the same kind of scores, with the same `ignore_class`. The
            terms per depth that a run logs are those of the first.
        weights: Optional floats >= 0, one per loss. Defaults to ones.
        name: Name of the loss.

    Call arguments:
        y_true, y_pred, sample_weight: As for each of the losses.

    Returns:
        Scalar.

    Raises:
        TypeError: If `losses` is no list of `keras.losses.Loss` objects with the attribute `scores`.
        ValueError: If there is no loss, one is not reduced, `weights` has another length or a negative number, or the
            losses differ in `scores`, `from_logits` or `ignore_class`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider")
    >>> loss = hs.losses.WeightedSum([hs.losses.TreeMin(tree), hs.losses.FocalTreeMin(tree)], weights=[1, 0.5])
    >>> round(float(loss(np.array([[[0]]]), np.zeros((1, 1, 1, 3)))), 4)     # 3 log 2 + 3/8 log 2
    2.3394
    """

    def __init__(
        self,
        losses: Sequence[keras.losses.Loss],
        weights: Sequence[float] | None = None,
        name: str | None = "weighted_sum",
    ):
        super().__init__(name=name)
        self.losses = _checked(losses)
        weights = [1.0] * len(self.losses) if weights is None else weights
        if not self.losses or np.shape(weights) != (len(self.losses),):
            raise ValueError(
                f"`WeightedSum` expects one weight per loss, and at least one loss. Received: {len(self.losses)} "
                f"losses, weights={weights}."
            )
        self.weights = [check_not_negative("WeightedSum", "weights", weight) for weight in weights]
        self.scores = self._common("scores", None)
        self.from_logits = self._common("from_logits", True)
        self.ignore_class = self._common("ignore_class", 255)

    def _common(self, attribute, default):
        values = [getattr(loss, attribute, default) for loss in self.losses]
        if any(value != values[0] for value in values):
            received = (f"{type(loss).__name__} with {value!r}" for loss, value in zip(self.losses, values))
            raise ValueError(
                f"`WeightedSum` expects losses with the same `{attribute}`, because they compare the same prediction. "
                f"Received: {', '.join(received)}."
            )
        return values[0]

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        y_pred = ops.convert_to_tensor(y_pred)
        values = [loss(y_true, y_pred, sample_weight) for loss in self.losses]
        return sum(weight * ops.cast(value, values[0].dtype) for weight, value in zip(self.weights, values))

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        return self(y_true, y_pred)

    def get_config(self):
        return {
            "losses": [keras.saving.serialize_keras_object(loss) for loss in self.losses],
            "weights": list(self.weights),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        losses = [keras.saving.deserialize_keras_object(loss) for loss in config["losses"]]
        return cls(**{**config, "losses": losses})


def _checked(losses):
    losses = list(losses) if isinstance(losses, (list, tuple)) else [losses]
    for loss in losses:
        if not isinstance(loss, keras.losses.Loss) or not hasattr(loss, "scores"):
            raise TypeError(
                "`WeightedSum` expects a list of losses of `hs.losses`, or of `keras.losses.Loss` objects with the "
                f'attribute `scores`, "nodes" or "leaves". Received: {loss!r}.'
            )
        # Keras accepts both.
        if loss.reduction in (None, "none"):
            raise ValueError(
                "`WeightedSum` expects losses that are reduced to a scalar. Received: "
                f"{type(loss).__name__}(reduction={loss.reduction!r})."
            )
    return losses
