"""Consistency of a network's node scores with the tree, before decoding."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.metrics.pixel_counter import PixelCounter
from hierseg_keras.metrics.tree_metric import TreeMetric


@keras.saving.register_keras_serializable("hierseg_keras")
class PathCoherence(TreeMetric):
    """Computes how often the scores of all nodes are consistent with the tree.

    - `{name}_ordered`: the share of pixels where no node's score exceeds its parent's (HSSN,
      definitions 3.2.3 and 3.2.4).
    - `{name}_single_path`: the share of pixels where the nodes with a probability above 0.5 are exactly
      the nodes of one path from a top class to a leaf.

    Labels only determine which pixels are counted. With leaf scores, the probability of a node is the sum over its
    leaves. The scores are then always ordered, and form a single path if a leaf's probability is above 0.5. Larger is
    better.

    Args:
        tree, scores, ignore_class, name, dtype: As in `LevelMeanIoU`.
        from_logits: Whether `y_pred` holds logits or probabilities. Defaults to logits; scores that
            are clearly probabilities then raise an error.

    Call arguments:
        y_true, y_pred, sample_weight: As in `LevelMeanIoU`.

    Returns:
        `result()` is a flat dict of two scalars in [0, 1], as above; 0 if no pixel was labeled. NaN as
        in `LevelMeanIoU`.

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

    default_name = "path_coherence"

    def make_counters(self):
        # The numbers of counted pixels, of ordered pixels, and of pixels with a single path.
        self._counter = PixelCounter(self, (3,), "pixels")

    def update(self, y_pred, label, is_counted):
        meaning = self.meaning(y_pred)
        # Node scores are compared without conversion, because different logits may round to equal probabilities near 1.
        is_per_node = meaning.kind == "nodes"
        values = meaning.checked(y_pred) if is_per_node else meaning.node_probabilities(y_pred)
        half = 0.0 if is_per_node and meaning.are_logits else 0.5
        is_ordered = _is_ordered(self.tree, values) if is_per_node else ops.ones_like(values[..., 0], "bool")
        kinds = (True, is_ordered, _is_single_path(self.tree, values > half))
        counts = [ops.sum(ops.cast(ops.logical_and(is_counted, kind), "int32")) for kind in kinds]
        self._counter.add(ops.stack(counts))

    def values(self):
        count, ordered, single_path = (self._counter.total()[i] for i in range(3))
        return {
            "ordered": ops.divide_no_nan(ordered, count),
            "single_path": ops.divide_no_nan(single_path, count),
        }


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
