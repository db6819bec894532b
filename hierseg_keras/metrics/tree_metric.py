"""The base class of the metrics on a class tree, which reads scores, labels and weights."""

from keras import ops

from hierseg_keras.metrics.named_metric import NamedMetric
from hierseg_keras.tree import ClassTree, as_class_tree, check_ignore_class
from hierseg_keras.tree.labels import IGNORED, label_codes, pixel_weights, without_weightless
from hierseg_keras.tree.not_converted import not_converted
from hierseg_keras.tree.scores import check_meaning, infer_scores

_SCALE = 1e-6


class TreeMetric(NamedMetric):
    """Base class of the metrics of scores and labels on a class tree.

    A subclass implements `update(y_pred, label, is_counted)`. All values are NaN if any label was
    neither a node nor `ignore_class`, or the scores of any counted pixel were not finite.

    Args:
        tree: `ClassTree`, or its text.
        scores: Type of the scores in `y_pred`: `"nodes"` or `"leaves"`. By default it is inferred from the
            number of channels.
        from_logits: Whether `y_pred` holds logits or probabilities. Defaults to logits.
        ignore_class: Integer label of pixels that are not counted, outside `[0, V)`; may be
            negative. Defaults to 255.
        name: As in `NamedMetric`. Defaults to `default_name` of the class.
        dtype: As in `NamedMetric`.
    """

    default_name = None

    def __init__(
        self,
        tree: ClassTree | str,
        scores: str | None = None,
        from_logits: bool | None = None,
        ignore_class: int = 255,
        name: str | None = None,
        dtype: str | None = None,
    ):
        super().__init__(name=self.default_name if name is None else name, dtype=dtype)
        self.tree = as_class_tree(tree)
        check_meaning(scores, from_logits)
        self.scores = scores
        self.from_logits = None if from_logits is None else bool(from_logits)
        self.ignore_class = check_ignore_class(type(self).__name__, self.tree, ignore_class)
        self._invalid = self.add_variable((), "zeros", dtype="int", name="is_invalid")
        self.make_counters()

    def make_counters(self):
        """Creates the variables for the counts of `update`. By default there are none."""

    def update(self, y_pred, label, is_counted):
        """Counts a batch.

        Args:
            y_pred: Float scores, `(B, H, W, C)`.
            label: Int32 node indices, `(B, H, W)`; 0 at pixels that are not counted.
            is_counted: Bool, `(B, H, W)`.
        """
        raise NotImplementedError

    @not_converted
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.update(*self.read(y_true, y_pred, sample_weight))

    def read(self, y_true, y_pred, sample_weight=None, is_valid=True):
        """Checks a batch, and records whether it has invalid pixels, which make the result NaN.

        Args:
            y_true, y_pred, sample_weight: As in `update_state`.
            is_valid: Bool tensor `(B, H, W)`, false for pixels that are invalid for another reason than their
                label or scores.

        Returns:
            A triple `(y_pred, label, is_counted)`, the arguments of `update`.
        """
        self.check_names()
        owner, y_pred = type(self).__name__, ops.cast(y_pred, self.dtype)
        self.meaning(y_pred)
        codes = label_codes(owner, self.tree, self.ignore_class, y_true, y_pred)
        if sample_weight is not None:
            codes = without_weightless(codes, pixel_weights(owner, sample_weight, codes, self.dtype))
        # The factor keeps sums of the largest floats finite, which mask classes.
        is_finite = ops.isfinite(ops.sum(y_pred * _SCALE, axis=-1))
        is_counted = ops.logical_and(codes >= 0, ops.logical_and(is_finite, is_valid))
        is_invalid = ops.logical_and(codes != IGNORED, ops.logical_not(is_counted))
        # A flag, because a number of pixels may be too large for the variable.
        self._invalid.assign(ops.maximum(self._invalid, ops.cast(ops.any(is_invalid), self._invalid.dtype)))
        return y_pred, ops.cast(ops.where(is_counted, codes, 0), "int32"), is_counted

    def meaning(self, y_pred):
        """Returns the `tree.scores.Scores` that describe a prediction."""
        return infer_scores(self.tree, y_pred.shape, self.scores, self.from_logits)

    def is_invalid(self):
        return self._invalid > 0

    def get_config(self):
        return {
            **super().get_config(),
            "tree": self.tree.to_text(),
            "scores": self.scores,
            "from_logits": self.from_logits,
            "ignore_class": self.ignore_class,
        }
