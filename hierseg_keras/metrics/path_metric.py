"""What the metrics of predicted paths share: decoding, counting, and one confusion."""

import keras
from keras import ops

from hierseg_keras.decoding.best_path import best_leaf
from hierseg_keras.metrics.path_confusion import PathConfusion
from hierseg_keras.tree import as_class_tree
from hierseg_keras.tree.scores import infer_scores


class PathMetric(keras.metrics.Metric):
    """Base class of the metrics that are read from labels by predicted leaves.

    A subclass gives `figures()`, a dict of scalar tensors; its keys follow the metric's name and
    an underscore in `result()`, and the empty key is the metric's name alone. All are NaN once a
    label was neither a node nor `ignore_class`, or a counted pixel's logits were not finite: a
    figure that leaves them out would mislead.

    Args:
        tree: `ClassTree`, or its text.
        scores: `"nodes"` or `"leaves"`, which logits `y_pred` holds; inferred from the channel count
            where it is left out.
        ignore_class: Integer label of pixels that take no part, outside `[0, V)`; may be
            negative. Defaults to 255.
        name, dtype: As in `keras.metrics.Metric`.
    """

    def __init__(self, tree, scores=None, ignore_class=255, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.tree = as_class_tree(tree)
        self.scores = scores
        self.confusion = PathConfusion(self, self.tree, ignore_class)
        self.ignore_class = self.confusion.ignore_class

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.confusion.update(y_true, *self.decode(y_pred), sample_weight)

    def decode(self, y_pred):
        """Predicted leaves and whether they mean anything, both `(B, H, W)`."""
        y_pred = ops.cast(y_pred, self.dtype)
        # Of a tree without internal nodes, a softmax and sigmoids have the same largest class.
        default = "leaves" if self.tree.num_levels == 1 else None
        leaf = best_leaf(infer_scores(self.tree, y_pred.shape, self.scores or default), y_pred)
        return leaf, ops.isfinite(ops.sum(y_pred, axis=-1))

    def figures(self):
        raise NotImplementedError

    def result(self):
        is_invalid = self.confusion.has_invalid()
        values = {key: ops.where(is_invalid, float("nan"), value) for key, value in self.figures().items()}
        if list(values) == [""]:
            return values[""]
        return {f"{self.name}_{key}" if self.name else key: value for key, value in values.items()}

    def get_config(self):
        return {
            **super().get_config(),
            "tree": self.tree.to_text(),
            "scores": self.scores,
            "ignore_class": self.ignore_class,
        }
