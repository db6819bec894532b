"""Decoding of scores into the deepest labels that reach a confidence threshold."""

from keras import ops
from numpy.typing import ArrayLike

from hierseg_keras.decoding.node_probabilities import node_probabilities
from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.tree.not_converted import not_converted
from hierseg_keras.tree.ops import argmax
from hierseg_keras.tree.tensor import Tensor

UNKNOWN = -1


@not_converted
def confident_labels(
    tree: ClassTree | str,
    y_pred: ArrayLike,
    threshold: float,
    scores: str | None = None,
    from_logits: bool | None = None,
) -> Tensor:
    """Labels each pixel with the deepest node whose probability reaches a threshold.

    A node's probability is first limited to the smallest probability among its ancestors, so that
    a pixel that is unlikely to be a human is unlikely to be a rider. Among nodes of equal depth
    the most probable one is chosen. A leaf counts as depth `D`, however short its branch.
    `metrics.ConfidenceCurve` helps to choose the threshold.

    Args:
        tree: `ClassTree`, or its text.
        y_pred: Float node scores `(..., V)` or leaf scores `(..., L)`.
        threshold: Smallest accepted probability, in [0, 1].
        scores, from_logits: As in `best_path`.

    Returns:
        Int32 tensor of node indices, `(...)`. It is -1 where no top class reaches the threshold.

    Raises:
        ValueError: If `threshold` is not in [0, 1], and under the conditions of `best_path`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> logits = np.log([[0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.4, 0.2, 0.4]])
    >>> labels = hs.decoding.confident_labels(tree, logits, threshold=0.7)
    >>> [tree.names[i] if i >= 0 else None for i in np.asarray(labels)]
    ['person', 'human', None]

    Reference:
        [Muller & Smith, VISAPP 2020](https://doi.org/10.5220/0008946002600267) propose levels of
        abstraction in their outlook. The rule used here is this library's own.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"`confident_labels` expects a `threshold` in [0, 1]. Received: threshold={threshold}.")
    tree = as_class_tree(tree)
    return labels_at(tree, coherent_probabilities(tree, y_pred, scores, from_logits), threshold)


def coherent_probabilities(tree, y_pred, scores=None, from_logits=None):
    """Computes for each node the smallest probability among its ancestors and itself, `(..., V)`."""
    probabilities = node_probabilities(tree, y_pred, scores, from_logits)
    least = probabilities
    for nodes in tree.depth_table[:-1]:
        # At its own depth and below, the table holds the node itself, which leaves its minimum unchanged.
        least = ops.minimum(least, ops.take(probabilities, nodes, axis=-1))
    return least


def labels_at(tree, probabilities, threshold):
    """Finds the deepest node whose probability, from `coherent_probabilities`, reaches the threshold."""
    candidates = candidates_at(tree, probabilities, threshold)
    return ops.where(ops.any(candidates >= 0, axis=-1), argmax(candidates), UNKNOWN)


def candidates_at(tree, probabilities, threshold):
    """Returns the probabilities of the deepest nodes that reach the threshold, and -1 for all others, `(..., V)`."""
    depths = (tree.num_levels + 1 - tree.levels).astype("float32")
    # Depths and probabilities are compared one after the other: in a sum of both, small probabilities would be rounded.
    reached = ops.where(probabilities >= threshold, depths, 0.0)
    is_deepest = (reached == ops.max(reached, axis=-1, keepdims=True)) & (reached > 0)
    return ops.where(is_deepest, probabilities, -1.0)
