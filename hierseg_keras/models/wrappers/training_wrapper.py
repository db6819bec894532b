"""What wraps a network for its training and leaves it as it was."""

import keras

from hierseg_keras.distribution.replicas import num_replicas
from hierseg_keras.models.compiled_loss import LOGITS, auxiliary_loss, check_fit, one_of_list
from hierseg_keras.models.configuration.check_keywords import check_keywords
from hierseg_keras.models.configuration.saved_config import config_of, model_from_config
from hierseg_keras.models.layers.image_input import check_channels_last


class TrainingWrapper(keras.Model):
    """Adds outputs and losses to a network for its training; predictions, saving and export are the network's own.

    A subclass sets `inference_model`, its `tree` and `scores`, and `trackers`, a dict from a name to the
    `keras.metrics.Mean` of a loss that only training has. In training its call may return a dict, whose
    `"logits"` are those of the inference model; `further_losses` then gives the loss of the rest.
    """

    from_logits = True

    def __new__(cls, *args, **kwargs):
        # Before anything is built.
        check_keywords(cls, kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, name=None, **kwargs):
        check_channels_last(type(self).__name__)
        super().__init__(name=name, **kwargs)
        self.trackers = {}
        self.auxiliary_weights = {}
        self._is_evaluating = False

    def further_losses(self, y, y_pred, sample_weight):
        """Losses besides that of the logits.

        Args:
            y: Labels.
            y_pred: Dict of all that the call returned.
            sample_weight: As in `fit`, or `None`.

        Returns:
            Dict from a name in `trackers` to a pair: the scalar loss, and its weight in the sum.
        """
        raise NotImplementedError

    def fit(self, *args, **kwargs):
        """As `keras.Model.fit`."""
        check_fit(self, kwargs)
        return super().fit(*args, **kwargs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y, sample_weight = one_of_list(y), one_of_list(sample_weight)
        if not isinstance(y_pred, dict):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        total = super().compute_loss(x, y, y_pred[LOGITS], sample_weight, training)
        self.track(LOGITS, total)
        total = total + auxiliary_loss(self, self.auxiliary_weights, y, y_pred, sample_weight)
        for name, (loss, weight) in self.further_losses(y, y_pred, sample_weight).items():
            self.track(name, loss)
            total = total + weight * loss
        return total

    def track(self, name, loss):
        """Shows a loss among the metrics, where there is a tracker of that name."""
        if name in self.trackers:
            # Keras has divided each replica's loss by their number, to add them up.
            self.trackers[name].update_state(loss * num_replicas())

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logits = y_pred[LOGITS] if isinstance(y_pred, dict) else y_pred
        return super().compute_metrics(x, one_of_list(y), logits, one_of_list(sample_weight))

    def evaluate(self, *args, **kwargs):
        """As `keras.Model.evaluate`; the loss is that of the logits."""
        self._is_evaluating = True
        try:
            return super().evaluate(*args, **kwargs)
        finally:
            self._is_evaluating = False

    def get_metrics_result(self):
        results = super().get_metrics_result()
        # Losses that only training has would be shown as 0.
        hidden = {tracker.name for tracker in self.trackers.values()} if self._is_evaluating else ()
        return {name: value for name, value in results.items() if name not in hidden}

    def export(self, *args, **kwargs):
        """As `keras.Model.export`, without what is for training only."""
        return self.inference_model.export(*args, **kwargs)

    def get_config(self):
        return config_of(self)

    @classmethod
    def from_config(cls, config):
        return model_from_config(cls, config)
