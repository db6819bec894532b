"""Mean intersection over union at every level of a class tree."""

import keras
from keras import ops

from hierseg_keras.metrics.path_metric import PathMetric


@keras.saving.register_keras_serializable("hierseg_keras")
class LevelMeanIoU(PathMetric):
    """Computes the mean intersection over union (mIoU) at every level of a class tree.

    The mIoU at level `l` is computed as follows:

    1. `decoding.best_path` decodes the prediction of each pixel to one leaf. With node scores it is the
       best root-to-leaf path, and with leaf scores the argmax. The predicted classes at all levels are
       this leaf and its ancestors, so that levels never contradict each other.
    2. The classes of level `l` are the nodes at depth `D - l + 1` and the leaves at smaller depths. Every
       leaf belongs to exactly one of them. Level 1 is the finest (the leaves), level `D` the coarsest.
    3. At each level, a label is counted as the class that contains it. A pixel whose label is an internal
       node above the level is excluded from that level. An ignored pixel is excluded from all levels.
    4. `IoU = TP / (TP + FP + FN)`, where `TP`, `FP` and `FN` count the pixels of a class over the *whole*
       data set. mIoU is the mean over the classes with `TP + FP + FN > 0`: a class that neither
       occurs nor is predicted is excluded. A class that is predicted but never occurs has IoU 0.

    The mIoU of level 1 is a mean over leaves only. `{name}_mean` is the mean over levels. Values are in
    [0, 1]; larger is better. If no pixel is labeled, all values are 0.

    Worked example, on `human{person, rider}`, `sky` with labels `person person rider sky` and
    predictions `person rider rider person`:

        level 1    person: TP 1, FP 1, FN 1, IoU 1/3    rider: TP 1, FP 1, FN 0, IoU 1/2
                   sky: TP 0, FP 0, FN 1, IoU 0         mIoU 5/18 = 0.278
        level 2    human: TP 3, FP 1, FN 0, IoU 3/4     sky: IoU 0      mIoU 3/8 = 0.375

    Args:
        tree: `ClassTree`, or its text.
        scores: Type of the scores in `y_pred`: `"nodes"` or `"leaves"`. By default it is inferred from the
            number of channels.
        from_logits: Whether `y_pred` holds logits or probabilities. Defaults to logits; node scores
            that are clearly probabilities then raise an error. Leaf scores may be logits or
            probabilities, because only their order matters.
        ignore_class: Integer label of pixels that are not counted, outside `[0, V)`; may be
            negative. Defaults to 255.
        name: Prefix for the names of all values. Defaults to "miou".
        dtype: As in `keras.metrics.Metric`.

    Call arguments:
        y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`, in `[0, V)` or `ignore_class`.
        y_pred: Float node scores `(B, H, W, V)` or leaf scores `(B, H, W, L)`.
        sample_weight: Optional, `(B,)` or `(B, H, W)`. A pixel with weight 0 is not counted. Any other
            weight has no effect, because counts are integers.

    Returns:
        `result()` is a flat dict of scalars: `{name}_1` (finest) to `{name}_D` (coarsest), and
        `{name}_mean`. All are NaN if any label was neither a node nor `ignore_class`, or the scores of any
        counted pixel were not finite.

    Raises:
        ValueError: From `update_state`, if `y_pred` has neither `V` nor `L` channels, `y_true` does not
            have one integer per pixel of `y_pred`, `sample_weight` has another shape, or another metric of
            the same `compile` has values of the same names.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> metric = hs.metrics.LevelMeanIoU(tree)
    >>> metric.update_state(np.array([[[0, 0, 1, 2]]]), np.eye(3)[[[[0, 1, 1, 0]]]])
    >>> {name: round(float(value), 3) for name, value in metric.result().items()}
    {'miou_1': 0.278, 'miou_2': 0.375, 'miou_mean': 0.326}
    >>> model.compile("adam", loss=loss, metrics=[metric])
    """

    default_name = "miou"

    def values(self):
        return level_mean_ious(self.confusion)

    def per_class(self, level: int = 1) -> dict[str, dict[str, float | int]]:
        """Returns the IoU and the support of each class of a level.

        Args:
            level: Integer, 1 (finest) to `D`.

        Returns:
            Dict from the path of a class to `{"iou": float, "support": int}`. `support` is the number of
            its labeled pixels. `iou` is NaN for a class that neither occurs nor is predicted, and for every class
            if `result()` is NaN.
        """
        intersection, labeled, predicted = self.confusion.exact_level_counts(level)
        classes = self.tree.level_classes(level)
        union = labeled + predicted - intersection
        is_valid = not self.is_invalid()
        return {
            self.tree.paths[node]: {
                "iou": float(intersection[i] / union[i]) if is_valid and union[i] else float("nan"),
                "support": int(labeled[i]),
            }
            for i, node in enumerate(classes)
        }


def level_mean_ious(confusion):
    """Returns the mIoU per level, `{"1": ..., "D": ..., "mean": ...}`, of a `PathConfusion`."""
    per_level = [_mean_iou(*confusion.level_counts(level)) for level in confusion.levels]
    results = {str(level): value for level, value in zip(confusion.levels, per_level)}
    return {**results, "mean": sum(per_level) / len(per_level)}


def _mean_iou(intersection, labeled, predicted):
    union = labeled + predicted - intersection
    iou = ops.divide_no_nan(intersection, union)
    return ops.divide_no_nan(ops.sum(iou), ops.sum(ops.cast(union > 0, iou.dtype)))
