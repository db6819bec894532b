"""The base class of the metrics that decode each pixel to one leaf and count a confusion matrix."""

from hierseg_keras.decoding.best_path import best_leaf
from hierseg_keras.metrics.path_confusion import PathConfusion
from hierseg_keras.metrics.tree_metric import TreeMetric
from hierseg_keras.tree.scores import infer_scores


class PathMetric(TreeMetric):
    """Base class of the metrics that are computed from a confusion matrix of labels and predicted leaves.

    A subclass implements `values()`.

    Args:
        tree, scores, from_logits, ignore_class, name, dtype: As in `TreeMetric`.
    """

    def make_counters(self):
        self.confusion = PathConfusion(self, self.tree)

    def update(self, y_pred, label, is_counted):
        self.confusion.update(label, best_leaf(self.meaning(y_pred), y_pred), is_counted)

    def meaning(self, y_pred):
        # In a tree without internal nodes, the largest score is the same for a softmax and for sigmoids.
        default = "leaves" if self.tree.num_levels == 1 else None
        return infer_scores(self.tree, y_pred.shape, self.scores or default, self.from_logits)
