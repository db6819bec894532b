"""Accuracy and depth of confident labels per threshold."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from hierseg_keras.decoding.confident_labels import coherent_probabilities, labels_at
from hierseg_keras.metrics.pixel_counter import PixelCounter
from hierseg_keras.metrics.tree_metric import TreeMetric
from hierseg_keras.tree import ClassTree

THRESHOLDS = tuple(np.linspace(0.05, 0.95, 19).round(2).tolist())


@keras.saving.register_keras_serializable("hierseg_keras")
class ConfidenceCurve(TreeMetric):
    """Computes the accuracy of `decoding.confident_labels` per threshold, in order to choose a threshold.

    For each threshold, over labeled pixels:

    - *answered*: the share of pixels for which `confident_labels` returns a node.
    - *accuracy*: the share of answered pixels whose node is correct: the label, an ancestor of it, or,
      if the label is an internal node, a node below it.
    - *depth*: the mean depth of the returned nodes, with leaves counted at depth `D`.

    If the network is not overconfident, the accuracy is at least the threshold. With a higher threshold,
    fewer pixels are answered, and with coarser nodes.

    Args:
        tree, scores, ignore_class, name, dtype: As in `LevelMeanIoU`.
        from_logits: Whether `y_pred` holds logits or probabilities. Defaults to logits; scores that
            are clearly probabilities then raise an error.
        thresholds: Ascending, different numbers in [0, 1]. Defaults to 0.05, 0.10, .. 0.95.

    Call arguments:
        y_true, y_pred, sample_weight: As in `LevelMeanIoU`.

    Returns:
        `result()` is a flat dict of scalars, the accuracy at each threshold: `{name}_0.05` and so on. NaN as in
        `LevelMeanIoU`. `curve()` returns all three quantities.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> metric = hs.metrics.ConfidenceCurve(tree, thresholds=(0.5, 0.8))
    >>> metric.update_state(np.array([[[0, 0]]]), np.log([[[[0.8, 0.1, 0.1], [0.2, 0.6, 0.2]]]]))
    >>> {name: values.tolist() for name, values in metric.curve().items()}["accuracy"]
    [0.5, 1.0]
    >>> metric.threshold_for(accuracy=0.9)
    0.8
    """

    def __init__(
        self,
        tree: ClassTree | str,
        thresholds: Sequence[float] = THRESHOLDS,
        scores: str | None = None,
        from_logits: bool | None = None,
        ignore_class: int = 255,
        name: str | None = "confidence_curve",
        dtype: str | None = None,
    ):
        super().__init__(tree, scores, from_logits, ignore_class, name, dtype)
        self.thresholds = tuple(float(threshold) for threshold in thresholds)
        if (
            not self.thresholds
            or list(self.thresholds) != sorted(set(self.thresholds))
            or len(set(map(_named, self.thresholds))) < len(self.thresholds)
            or not (0 <= self.thresholds[0] and self.thresholds[-1] <= 1)
        ):
            raise ValueError(
                "`thresholds` expects ascending numbers in [0, 1] that differ in their first six decimals. Received: "
                f"thresholds={thresholds!r}."
            )
        # Per threshold: the numbers of labeled, answered and correct pixels, and the sum of the returned nodes' depths.
        self._counter = PixelCounter(self, (len(self.thresholds), 4), "pixels")

    def update(self, y_pred, label, is_counted):
        tree = self.tree
        probabilities = coherent_probabilities(tree, y_pred, self.scores, self.from_logits)
        depths = tree.num_levels + 1 - tree.levels
        same_path = ops.convert_to_tensor((tree.ancestor_matrix | tree.ancestor_matrix.T).reshape(-1))
        rows = []
        for threshold in self.thresholds:
            answer = labels_at(tree, probabilities, threshold)
            is_answered = ops.logical_and(is_counted, answer >= 0)
            answer = ops.maximum(answer, 0)
            is_right = ops.logical_and(is_answered, ops.take(same_path, label * tree.num_nodes + answer))
            depth = ops.where(is_answered, ops.take(depths, answer), 0)
            counts = (is_counted, is_answered, is_right, depth)
            rows.append(ops.stack([ops.sum(ops.cast(count, "int32")) for count in counts]))
        self._counter.add(ops.stack(rows))

    def values(self):
        total = self._counter.total()
        accuracy = ops.divide_no_nan(total[:, 2], total[:, 1])
        return {_named(threshold): accuracy[i] for i, threshold in enumerate(self.thresholds)}

    def curve(self) -> dict[str, np.ndarray]:
        """Returns the curve as NumPy arrays.

        Returns:
            Dict of float arrays with one value per threshold: `threshold`, `answered`, `accuracy` and
            `depth`. A value is NaN if its denominator is 0, that is, no pixel was labeled or answered. If
            `result()` is NaN, all values except `threshold` are NaN.
        """
        labeled, answered, right, depth = self._counter.exact().T
        known = np.nan if self.is_invalid() else 1.0
        with np.errstate(invalid="ignore"):
            return {
                "threshold": np.array(self.thresholds),
                "answered": known * answered / labeled,
                "accuracy": known * right / answered,
                "depth": known * depth / answered,
            }

    def threshold_for(self, accuracy: float) -> float | None:
        """Finds the smallest threshold such that this and all higher thresholds that answer a pixel reach an accuracy.

        Args:
            accuracy: Required accuracy, a number in [0, 1].

        Returns:
            Float, or `None` if no threshold reaches the accuracy, or the curve is NaN.
        """
        found = None
        for threshold, value in zip(self.thresholds[::-1], self.curve()["accuracy"][::-1]):
            if value < accuracy:
                break
            # NaN where no pixel is answered.
            found = threshold if value >= accuracy else found
        return found

    def get_config(self):
        return {**super().get_config(), "thresholds": list(self.thresholds)}


def _named(threshold):
    """Returns a threshold with two decimals, or with up to six if it has more."""
    threshold = round(threshold, 6)
    return f"{threshold:.2f}" if round(threshold, 2) == threshold else repr(threshold)
