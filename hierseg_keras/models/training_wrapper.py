"""What wraps a network for its training and leaves it as it was."""

import keras

from hierseg_keras.models.auxiliary_logits import LOGITS


class TrainingWrapper(keras.Model):
    """A network that answers with more in training, and whose own part is what is predicted, saved and exported.

    A subclass sets `inference_model`, and `trackers`, a dict from a name to the `keras.metrics.Mean`
    of what only training has. In training its call may answer with a dict, whose `"logits"` are
    those of the inference model.
    """

    def __init__(self, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.trackers = {}
        self._is_evaluating = False

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logits = y_pred[LOGITS] if isinstance(y_pred, dict) else y_pred
        return super().compute_metrics(x, y, logits, sample_weight)

    def evaluate(self, *args, **kwargs):
        """As `keras.Model.evaluate`; the loss is that of the logits."""
        self._is_evaluating = True
        try:
            return super().evaluate(*args, **kwargs)
        finally:
            self._is_evaluating = False

    def get_metrics_result(self):
        results = super().get_metrics_result()
        # What only training has would be shown as 0.
        hidden = self.trackers if self._is_evaluating else ()
        return {name: value for name, value in results.items() if name not in hidden}

    def export(self, *args, **kwargs):
        """As `keras.Model.export`, without what is for training only."""
        return self.inference_model.export(*args, **kwargs)
