"""Pixel accuracy at every level of a class tree."""

import keras
from keras import ops

from hierseg_keras.metrics.path_metric import PathMetric


@keras.saving.register_keras_serializable("hierseg_keras")
class LevelAccuracy(PathMetric):
    """Computes the share of correctly predicted pixels at every level of a class tree.

    Predictions are decoded to leaves as in `LevelMeanIoU`. A pixel whose label is an internal node
    above a level is excluded from that level. Larger is better.

    Args:
        tree, scores, from_logits, ignore_class, name, dtype: As in `LevelMeanIoU`.

    Call arguments:
        y_true, y_pred, sample_weight: As in `LevelMeanIoU`.

    Returns:
        `result()` is a flat dict of scalars in [0, 1]: `{name}_1` (finest) to `{name}_D`, and
        `{name}_mean`; 0 if no pixel was labeled. NaN as in `LevelMeanIoU`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> metric = hs.metrics.LevelAccuracy(tree)
    >>> metric.update_state(np.array([[[0, 0, 1, 2]]]), np.eye(3)[[[[0, 1, 1, 0]]]])
    >>> {name: float(value) for name, value in metric.result().items()}
    {'accuracy_1': 0.5, 'accuracy_2': 0.75, 'accuracy_mean': 0.625}
    """

    default_name = "accuracy"

    def values(self):
        return level_accuracies(self.confusion)


def level_accuracies(confusion):
    """Returns the accuracy per level, `{"1": ..., "D": ..., "mean": ...}`, of a `PathConfusion`."""
    counts = [confusion.level_counts(level) for level in confusion.levels]
    per_level = [ops.divide_no_nan(ops.sum(right), ops.sum(labeled)) for right, labeled, _ in counts]
    results = {str(level): value for level, value in zip(confusion.levels, per_level)}
    return {**results, "mean": sum(per_level) / len(per_level)}
