"""The base class of wrappers that add losses to a network for its training."""

import contextlib
from typing import Any, Self

import keras
from keras import ops

from hierseg_keras.distribution.replicas import num_replicas
from hierseg_keras.models.compiled_loss import LOGITS, auxiliary_loss, check_fit, check_loss, compile_from, one_of_list
from hierseg_keras.models.configuration.check_keywords import check_keywords
from hierseg_keras.models.configuration.saved_config import config_of, model_from_config
from hierseg_keras.models.layers.image_input import check_channels_last
from hierseg_keras.models.optimizer_variables import create_optimizer_variables
from hierseg_keras.tree.tensor import Tensor


class TrainingWrapper(keras.Model):
    """Adds outputs and losses to a network for its training only.

    `predict`, `evaluate` and `export` use the network alone, the attribute `inference_model`.

    A subclass sets the attributes `inference_model`, `tree`, `scores`, and `trackers`, a dict from the
    name of a loss to the `keras.metrics.Mean` that reports it in training. In training its `call` may
    return a dict, in which `"logits"` are those of the inference model. `further_losses` then returns the
    losses of the other entries.

    Args:
        name: Name of the model.
    """

    from_logits = True
    # What a run's configuration must choose: the kind of scores of its loss, if the wrapper does not take both, and
    # whether XLA can compile the training step.
    required_scores = None
    compiles_with_xla = True

    def __new__(cls, *args, **kwargs):
        # Checked before the model is built, which may take long.
        check_keywords(TrainingWrapper, cls, kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, name: str | None = None, **kwargs):
        check_channels_last(type(self).__name__)
        super().__init__(name=name, **kwargs)
        self.trackers = {}
        self.auxiliary_weights, self.flat_auxiliary = {}, ()
        self._is_evaluating = False

    def further_losses(
        self, y: Tensor, y_pred: dict[str, Tensor], sample_weight: Tensor | None
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Computes the losses that are added to the loss of the logits.

        Args:
            y: Labels, `(B, H, W)`.
            y_pred: Dict returned by `call` in training.
            sample_weight: As in `fit`, or `None`.

        Returns:
            Dict from a name in `trackers` to a pair: the scalar loss, and its weight in the total loss.
        """
        raise NotImplementedError

    @property
    def further_ignore_class(self) -> int | None:
        """The `ignore_class` of the losses of `further_losses`, or `None` if there are none."""
        return None

    def compile(
        self,
        optimizer: str | keras.optimizers.Optimizer = "rmsprop",
        loss: str | keras.losses.Loss | None = None,
        *args,
        **kwargs,
    ) -> None:
        """Configures the model for training, as `keras.Model.compile` does.

        Args:
            optimizer: As in `keras.Model.compile`.
            loss: As in `keras.Model.compile`. A loss of `hs.losses` must be one on the model's kind of scores, and
                its tree must have the structure of the model's.
            *args, **kwargs: Passed on to `keras.Model.compile`.
        """
        check_loss(self, loss, self.further_ignore_class)
        super().compile(optimizer, loss, *args, **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        compile_from(self, config)

    def fit(self, *args, **kwargs) -> keras.callbacks.History:
        """Trains the model, as `keras.Model.fit` does, but does not accept `class_weight`."""
        check_fit(self, kwargs)
        create_optimizer_variables(self)
        return super().fit(*args, **kwargs)

    def train_on_batch(self, *args, **kwargs) -> float | list[float] | dict[str, float]:
        """Trains the model on a batch, as `keras.Model.train_on_batch` does, but does not accept `class_weight`."""
        check_fit(self, kwargs, "train_on_batch")
        return super().train_on_batch(*args, **kwargs)

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor | dict[str, Tensor] = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        y, sample_weight = one_of_list(y), one_of_list(sample_weight)
        if not isinstance(y_pred, dict):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        total = super().compute_loss(x, y, y_pred[LOGITS], sample_weight, training)
        self.track(LOGITS, total)
        total = total + auxiliary_loss(self, self.auxiliary_weights, y, y_pred, sample_weight)
        for name, (loss, weight) in self.further_losses(y, y_pred, sample_weight).items():
            self.track(name, loss)
            total = total + ops.cast(weight, total.dtype) * ops.cast(loss, total.dtype)
        return total

    def track(self, name: str, loss: Tensor) -> None:
        """Reports a scalar loss among the metrics, if `trackers` has its name."""
        if name in self.trackers:
            # Keras divides the loss of each replica by the number of replicas, because it sums over them.
            self.trackers[name].update_state(loss * num_replicas())

    def compute_metrics(
        self, x: Tensor, y: Tensor, y_pred: Tensor | dict[str, Tensor], sample_weight: Tensor = None
    ) -> dict[str, Tensor]:
        logits = y_pred[LOGITS] if isinstance(y_pred, dict) else y_pred
        return super().compute_metrics(x, one_of_list(y), logits, one_of_list(sample_weight))

    def evaluate(self, *args, **kwargs) -> float | list[float] | dict[str, float]:
        """Evaluates the model, as `keras.Model.evaluate` does, with only the loss of the logits."""
        with self._evaluating():
            return super().evaluate(*args, **kwargs)

    def test_on_batch(self, *args, **kwargs) -> float | list[float] | dict[str, float]:
        """Evaluates the model on a batch, as `keras.Model.test_on_batch` does, with only the loss of the logits."""
        with self._evaluating():
            return super().test_on_batch(*args, **kwargs)

    @contextlib.contextmanager
    def _evaluating(self):
        self._is_evaluating = True
        try:
            yield
        finally:
            self._is_evaluating = False

    def get_metrics_result(self) -> dict[str, Tensor]:
        results = super().get_metrics_result()
        # Evaluation does not compute the losses of training, and would report them as 0.
        hidden = {tracker.name for tracker in self.trackers.values()} if self._is_evaluating else ()
        return {name: value for name, value in results.items() if name not in hidden}

    def export(self, *args, **kwargs) -> None:
        """Exports `inference_model`, as `keras.Model.export` does."""
        return self.inference_model.export(*args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return config_of(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return model_from_config(cls, config)
