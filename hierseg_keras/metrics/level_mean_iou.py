"""Mean intersection over union at every level of a class tree."""

import keras
from keras import ops

from hierseg_keras.metrics.path_metric import PathMetric


@keras.saving.register_keras_serializable("hierseg_keras")
class LevelMeanIoU(PathMetric):
    """Computes the mean intersection over union (mIoU) at every level of a class tree.

    How mIoU at level `l` is computed, the whole rule:

    1. Each pixel's prediction is decoded to one leaf, by `decoding.best_path` (node logits: the
       best root-to-leaf path; leaf logits: the arg-max). Its classes at all levels are that leaf
       and its ancestors, so that levels never contradict one another.
    2. The classes of level `l` are the nodes at depth `D - l + 1` and the leaves above it: every
       leaf belongs to exactly one. Level 1 is the finest (the leaves), level `D` the coarsest.
    3. A label counts at a level as the class that holds it. A label too coarse for a level (an
       internal node deeper levels divide) leaves its pixel out of that level altogether, and an
       ignored pixel is left out of all.
    4. With `TP`, `FP`, `FN` the pixels of a class over the *whole* data set, `IoU = TP / (TP + FP
       + FN)`. mIoU is the mean over the classes whose union is not empty: a class that neither
       occurs nor is predicted is left out, one predicted where it never occurs scores 0.

    Leaf mIoU does not include parents: each level is a mean of its own, and `_mean` is the plain
    mean of the levels. Values lie in [0, 1]; larger is better. With no labelled pixel all are 0.

    Worked example, on `human{person, rider}`, `sky` with labels `person person rider sky` and
    predictions `person rider rider person`:

        level 1    person: TP 1, FP 1, FN 1, IoU 1/3    rider: TP 1, FP 1, FN 0, IoU 1/2
                   sky: TP 0, FP 0, FN 1, IoU 0         mIoU 5/18 = 0.278
        level 2    human: TP 3, FP 1, FN 0, IoU 3/4     sky: IoU 0      mIoU 3/8 = 0.375

    Args:
        tree: `ClassTree`, or its text.
        scores: `"nodes"` or `"leaves"`, which logits `y_pred` holds; inferred from the channel count
            where it is left out.
        ignore_class: Integer label of pixels that take no part, outside `[0, V)`; may be
            negative. Defaults to 255.
        name, dtype: As in `keras.metrics.Metric`.

    Call arguments:
        y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`, in `[0, V)` or `ignore_class`.
        y_pred: Float node logits `(B, H, W, V)` or leaf logits `(B, H, W, L)`. Probabilities of
            leaves do as well as their logits, as only their order counts.
        sample_weight: Optional, `(B,)` or `(B, H, W)`. A pixel of weight 0 is left out; counts
            are integers, so that any other weight counts as one.

    Returns:
        `result()` is a flat dict of scalars: `{name}_1` (finest) to `{name}_D` (coarsest), and
        `{name}_mean`. All are NaN once a label was neither a node nor `ignore_class`, or a
        counted pixel's logits were not finite: a figure that leaves them out would mislead.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> metric = hs.metrics.LevelMeanIoU(tree)
    >>> metric.update_state(np.array([[[0, 0, 1, 2]]]), np.eye(3)[[[[0, 1, 1, 0]]]])
    >>> {name: round(float(value), 3) for name, value in metric.result().items()}
    {'miou_1': 0.278, 'miou_2': 0.375, 'miou_mean': 0.326}
    >>> model.compile("adam", loss=loss, metrics=[metric])
    """

    def __init__(self, tree, scores=None, ignore_class=255, name="miou", dtype=None):
        super().__init__(tree, scores, ignore_class, name, dtype)

    def figures(self):
        return level_mean_ious(self.confusion)

    def per_class(self, level=1):
        """IoU and support of each class of a level, on request.

        Args:
            level: Integer, 1 (finest) to `D`.

        Returns:
            Dict from the class's path to `{"iou": float, "support": int}`; `support` counts its
            labelled pixels, and `iou` is NaN for a class that neither occurs nor is predicted.
        """
        intersection, labelled, predicted = self.confusion.exact_level_counts(level)
        classes = self.tree.level_classes(level)
        union = labelled + predicted - intersection
        return {
            self.tree.paths[node]: {
                "iou": float(intersection[i] / union[i]) if union[i] else float("nan"),
                "support": int(labelled[i]),
            }
            for i, node in enumerate(classes)
        }


def level_mean_ious(confusion):
    """mIoU by level, `{"1": ..., "D": ..., "mean": ...}`, of a `PathConfusion`."""
    per_level = [_mean_iou(*confusion.level_counts(level)) for level in confusion.levels]
    results = {str(level): value for level, value in zip(confusion.levels, per_level)}
    return {**results, "mean": sum(per_level) / len(per_level)}


def _mean_iou(intersection, labelled, predicted):
    union = labelled + predicted - intersection
    iou = ops.divide_no_nan(intersection, union)
    return ops.divide_no_nan(ops.sum(iou), ops.sum(ops.cast(union > 0, iou.dtype)))
