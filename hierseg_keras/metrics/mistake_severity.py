"""The severity of mistakes, measured in the class tree."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.metrics.path_metric import PathMetric


@keras.saving.register_keras_serializable("hierseg_keras")
class MistakeSeverity(PathMetric):
    """Computes the mean height of the lowest common ancestor over wrong pixels.

    Formula, over the pixels whose predicted leaf `k` is neither the label `v` nor below it:

        severity = mean(D - depth(lca(v, k)))

    The severity of a pixel is 1 if label and prediction are siblings at depth `D`, and `D` if the two have no
    common ancestor. Smaller is better. A network with fewer mistakes may have a larger mean severity,
    so read it together with the accuracy.

    Args:
        tree, scores, from_logits, ignore_class, name, dtype: As in `LevelMeanIoU`.

    Call arguments:
        y_true, y_pred, sample_weight: As in `LevelMeanIoU`.

    Returns:
        `result()` is a scalar, a number of edges between 1 and `D`, or 0 if no pixel is wrong. NaN as in
        `LevelMeanIoU`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> metric = hs.metrics.MistakeSeverity(tree)
    >>> metric.update_state(np.array([[[0, 0, 1, 2]]]), np.eye(3)[[[[0, 1, 1, 0]]]])
    >>> float(metric.result())               # person as rider 1, sky as person 2
    1.5

    Reference:
        [Bertinetto et al., Making Better Mistakes, CVPR 2020](https://arxiv.org/abs/1912.09393).
        In contrast to the paper, leaves may have different depths and are counted at depth `D`, and
        labels may be internal nodes.
    """

    default_name = "mistake_severity"

    def values(self):
        return {"": mistake_severity(self.confusion)}


def mistake_severity(confusion):
    """Returns the mean severity over the wrong pixels of a `PathConfusion`."""
    tree = confusion.tree
    leaves = np.arange(tree.num_leaves)
    height = tree.num_levels - tree.common_depths[:, leaves]
    height = np.where(tree.ancestor_matrix[:, leaves], 0, height).astype("float32")
    counts = confusion.counts()
    return ops.divide_no_nan(ops.sum(counts * height), ops.sum(ops.where(height > 0, counts, 0.0)))
