"""Whether a network's scores agree along the tree, before anything is decoded."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.metrics.pixel_counter import PixelCounter
from hierseg_keras.tree import as_class_tree, check_ignore_class
from hierseg_keras.tree.scores import infer_scores


@keras.saving.register_keras_serializable("hierseg_keras")
class PathCoherence(keras.metrics.Metric):
    """Computes how often the scores of all nodes make sense together.

    - `{name}_ordered`: the share of pixels where no node's score exceeds its parent's (HSSN,
      definitions 3.2.3 and 3.2.4).
    - `{name}_single_path`: the share where the nodes with a score above 0.5 are exactly the nodes
      of one path from a top class to a leaf.

    Labels are not looked at, but for ignored pixels, which take no part. Of leaf logits a node's
    score is the sum over its leaves: always ordered, and a single path where one leaf has more
    than half. Larger is better.

    Args:
        tree, scores, ignore_class, name, dtype: As in `LevelMeanIoU`.

    Call arguments:
        y_true, y_pred, sample_weight: As in `LevelMeanIoU`.

    Returns:
        `result()` is a flat dict of two scalars in [0, 1], as above; 0 where no pixel was
        labelled, NaN once a counted pixel's logits were not finite.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider")
    >>> metric = hs.metrics.PathCoherence(tree)
    >>> metric.update_state(np.array([[[0, 0]]]), np.array([[[[2.0, -2, 3], [2, -2, 1]]]]))
    >>> {name: float(value) for name, value in metric.result().items()}
    {'path_coherence_ordered': 0.5, 'path_coherence_single_path': 1.0}

    Reference:
        [Li et al., Deep Hierarchical Semantic Segmentation, CVPR 2022](
        https://arxiv.org/abs/2203.14335), section 3.2.1.
    """

    def __init__(self, tree, scores=None, ignore_class=255, name="path_coherence", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.tree = as_class_tree(tree)
        self.scores = scores
        self.ignore_class = check_ignore_class("PathCoherence", self.tree, ignore_class)
        # Pixels counted, ordered ones, those of a single path, and those that are not finite.
        self._counter = PixelCounter(self, (4,), "pixels")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.cast(y_pred, self.dtype)
        scores = infer_scores(self.tree, y_pred.shape, self.scores)
        # Logits where they are compared: values near 1 round to the same number.
        is_per_node = scores.kind == "nodes"
        values = y_pred if is_per_node else scores.node_probabilities(y_pred)
        half = 0.0 if is_per_node else 0.5
        is_ordered = _is_ordered(self.tree, values) if is_per_node else ops.ones_like(values[..., 0], "bool")
        label = ops.reshape(ops.cast(y_true, "int32"), ops.shape(y_pred)[:-1])
        is_counted = label != self.ignore_class
        if sample_weight is not None:
            weight = ops.convert_to_tensor(sample_weight)
            weight = ops.reshape(weight, (-1, 1, 1) if len(weight.shape) == 1 else ops.shape(label))
            is_counted = ops.logical_and(is_counted, weight != 0)
        is_invalid = ops.logical_not(ops.isfinite(ops.sum(y_pred, axis=-1)))
        kinds = (True, is_ordered, _is_single_path(self.tree, values > half), is_invalid)
        counts = [ops.sum(ops.cast(ops.logical_and(is_counted, kind), "int32")) for kind in kinds]
        self._counter.add(ops.stack(counts))

    def result(self):
        count, ordered, single_path, invalid = (self._counter.total()[i] for i in range(4))
        shares = {"ordered": ordered, "single_path": single_path}
        return {
            f"{self.name}_{key}": ops.where(invalid > 0, float("nan"), ops.divide_no_nan(value, count))
            for key, value in shares.items()
        }

    def get_config(self):
        config = {"tree": self.tree.to_text(), "scores": self.scores, "ignore_class": self.ignore_class}
        return {**super().get_config(), **config}


def _is_ordered(tree, values):
    below = np.flatnonzero(tree.parents >= 0)
    if not len(below):
        return ops.ones_like(values[..., 0], "bool")
    child, parent = (ops.take(values, nodes, axis=-1) for nodes in (below, tree.parents[below]))
    return ops.all(child <= parent, axis=-1)


def _is_single_path(tree, is_above):
    is_above = ops.cast(is_above, "float32")
    leaves = np.arange(tree.num_leaves)
    on_path = ops.matmul(is_above, tree.ancestor_matrix[:, leaves].astype("float32"))
    is_whole = on_path == tree.depths[leaves].astype("float32")
    return ops.any(ops.logical_and(is_whole, on_path == ops.sum(is_above, axis=-1, keepdims=True)), axis=-1)
