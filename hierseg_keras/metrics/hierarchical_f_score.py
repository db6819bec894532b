"""Precision, recall and F-score of predicted paths."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.metrics.path_metric import PathMetric


@keras.saving.register_keras_serializable("hierseg_keras")
class HierarchicalFScore(PathMetric):
    """Computes the hierarchical precision, recall and F-score of predicted paths.

    Formula, with `T` the set of a pixel's label and its ancestors, and `P` the set of its predicted leaf
    and the leaf's ancestors:

        precision = sum |T & P| / sum |P|        recall = sum |T & P| / sum |T|
        F = 2 precision recall / (precision + recall)

    Sums are over pixels, and the virtual root is not counted. If the label is an internal node and the
    predicted leaf is below it, `P` ends at the label, because the classes below are unknown. Larger is
    better.

    Args:
        tree, scores, from_logits, ignore_class, name, dtype: As in `LevelMeanIoU`.

    Call arguments:
        y_true, y_pred, sample_weight: As in `LevelMeanIoU`.

    Returns:
        `result()` is a flat dict of scalars in [0, 1]: `{name}_precision`, `{name}_recall`,
        `{name}_f`; 0 if no pixel was labeled. NaN as in `LevelMeanIoU`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> metric = hs.metrics.HierarchicalFScore(tree)
    >>> metric.update_state(np.array([[[0, 2]]]), np.eye(3)[[[[1, 2]]]])
    >>> {name: round(float(value), 3) for name, value in metric.result().items()}
    {'hierarchical_precision': 0.667, 'hierarchical_recall': 0.667, 'hierarchical_f': 0.667}

    Reference:
        [Silla & Freitas, A survey of hierarchical classification, 2011](
        https://doi.org/10.1007/s10618-010-0175-9), section 6.
    """

    default_name = "hierarchical"

    def values(self):
        return hierarchical_scores(self.confusion)


def hierarchical_scores(confusion):
    """Returns `{"precision": ..., "recall": ..., "f": ...}` of a `PathConfusion`."""
    tree = confusion.tree
    shared = tree.common_depths[:, : tree.num_leaves]
    labeled = np.broadcast_to(tree.depths[:, None], shared.shape)
    is_below = tree.ancestor_matrix[:, : tree.num_leaves]
    predicted = np.where(is_below, labeled, tree.depths[None, : tree.num_leaves])
    counts = confusion.counts()
    shared, labeled, predicted = (ops.sum(counts * n.astype("float32")) for n in (shared, labeled, predicted))
    return {
        "precision": ops.divide_no_nan(shared, predicted),
        "recall": ops.divide_no_nan(shared, labeled),
        "f": ops.divide_no_nan(2 * shared, predicted + labeled),
    }
