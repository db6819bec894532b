"""How right and how exact answers are, by the confidence asked of them."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.decoding.confident_labels import coherent_probabilities, labels_at
from hierseg_keras.metrics.pixel_counter import PixelCounter
from hierseg_keras.tree import as_class_tree, check_ignore_class

THRESHOLDS = tuple(np.linspace(0.05, 0.95, 19).round(2).tolist())


@keras.saving.register_keras_serializable("hierseg_keras")
class ConfidenceCurve(keras.metrics.Metric):
    """Computes the curve by which to choose the threshold of `decoding.confident_labels`.

    For each threshold, over labelled pixels:

    - *answered*: the share of pixels that get a node at all;
    - *accuracy*: the share of the answered ones whose node is the label or above it. A node below
      an internal label may be right, and counts as right;
    - *depth*: the mean depth of the answers, a leaf being at depth `D`.

    A network is well calibrated where the accuracy is no lower than the threshold. The higher the
    threshold, the coarser the answers and the fewer.

    Args:
        tree, scores, ignore_class, name, dtype: As in `LevelMeanIoU`.
        thresholds: Ascending numbers in [0, 1]. Defaults to 0.05, 0.10, .. 0.95.

    Call arguments:
        y_true, y_pred, sample_weight: As in `LevelMeanIoU`.

    Returns:
        `result()` is a flat dict of scalars, each threshold's accuracy: `{name}_0.05` and so on.
        `curve()` gives all three.

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
        self, tree, thresholds=THRESHOLDS, scores=None, ignore_class=255, name="confidence_curve", dtype=None
    ):
        super().__init__(name=name, dtype=dtype)
        self.tree = as_class_tree(tree)
        self.scores = scores
        self.ignore_class = check_ignore_class("ConfidenceCurve", self.tree, ignore_class)
        self.thresholds = tuple(float(threshold) for threshold in thresholds)
        if not self.thresholds or list(self.thresholds) != sorted(self.thresholds) or not (
            0 <= self.thresholds[0] and self.thresholds[-1] <= 1
        ):
            raise ValueError(f"`thresholds` expects ascending numbers in [0, 1]. Received: thresholds={thresholds!r}.")
        # By threshold: pixels labelled, answered and right, and the answers' depths summed.
        self._counter = PixelCounter(self, (len(self.thresholds), 4), "pixels")

    def update_state(self, y_true, y_pred, sample_weight=None):
        tree = self.tree
        probabilities = coherent_probabilities(tree, ops.cast(y_pred, self.dtype), self.scores)
        label = ops.reshape(ops.cast(y_true, "int32"), ops.shape(probabilities)[:-1])
        is_counted = ops.logical_and(label != self.ignore_class, label >= 0)
        is_counted = ops.logical_and(is_counted, label < tree.num_nodes)
        if sample_weight is not None:
            weight = ops.convert_to_tensor(sample_weight)
            weight = ops.reshape(weight, (-1, 1, 1) if len(weight.shape) == 1 else ops.shape(label))
            is_counted = ops.logical_and(is_counted, weight != 0)
        label = ops.where(is_counted, label, 0)
        depths = np.where(np.arange(tree.num_nodes) < tree.num_leaves, tree.num_levels, tree.depths)
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

    def result(self):
        total = self._counter.total()
        accuracy = ops.divide_no_nan(total[:, 2], total[:, 1])
        return {f"{self.name}_{threshold:.2f}": accuracy[i] for i, threshold in enumerate(self.thresholds)}

    def curve(self):
        """The curve as arrays.

        Returns:
            Dict of float NumPy arrays, one value a threshold: `threshold`, `answered`, `accuracy`
            and `depth`; NaN where nothing was labelled or answered.
        """
        labelled, answered, right, depth = self._counter.exact().T
        with np.errstate(invalid="ignore"):
            return {
                "threshold": np.array(self.thresholds),
                "answered": answered / labelled,
                "accuracy": right / answered,
                "depth": depth / answered,
            }

    def threshold_for(self, accuracy):
        """The least threshold from which on answers are right at least so often.

        Args:
            accuracy: Number in [0, 1].

        Returns:
            Float; `None` where no threshold of the curve is enough.
        """
        found = None
        for threshold, value in zip(self.thresholds[::-1], self.curve()["accuracy"][::-1]):
            if not (value >= accuracy or np.isnan(value)):
                break
            found = threshold
        return found

    def get_config(self):
        return {
            **super().get_config(),
            "tree": self.tree.to_text(),
            "thresholds": list(self.thresholds),
            "scores": self.scores,
            "ignore_class": self.ignore_class,
        }
