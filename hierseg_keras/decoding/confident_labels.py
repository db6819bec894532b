"""The most exact answer that one can be sure of."""

import numpy as np
from keras import ops

from hierseg_keras.decoding.node_probabilities import node_probabilities
from hierseg_keras.tree import as_class_tree
from hierseg_keras.tree.ops import argmax

UNKNOWN = -1


def confident_labels(tree, y_pred, threshold, scores=None, from_logits=None):
    """Gives each pixel the deepest node whose probability reaches a threshold.

    A node's probability counts here for no more than the least one on the way to it: a rider who
    is hardly a human is hardly a rider. Of nodes of one depth the more probable is taken, and a
    leaf is as deep as any. `metrics.ConfidenceCurve` tells which threshold to take.

    Args:
        tree: `ClassTree`, or its text.
        y_pred: Float node scores `(..., V)` or leaf scores `(..., L)`.
        threshold: Number in [0, 1].
        scores, from_logits: As in `best_path`.

    Returns:
        Int32 tensor of node indices, `(...)`; -1 where not even a top class reaches the threshold.

    Raises:
        ValueError: As `best_path`, and if the threshold is not in [0, 1].

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> logits = np.log([[0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.4, 0.2, 0.4]])
    >>> labels = hs.decoding.confident_labels(tree, logits, threshold=0.7)
    >>> [tree.names[i] if i >= 0 else None for i in np.asarray(labels)]
    ['person', 'human', None]

    Reference:
        The levels of abstraction that [Muller & Smith, VISAPP 2020](
        https://doi.org/10.5220/0008946002600267) propose in their outlook. No paper settles the
        rule.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"`confident_labels` expects a `threshold` in [0, 1]. Received: threshold={threshold}.")
    tree = as_class_tree(tree)
    return labels_at(tree, coherent_probabilities(tree, y_pred, scores, from_logits), threshold)


def coherent_probabilities(tree, y_pred, scores=None, from_logits=None):
    """Each node's least probability on the way to it, `(..., V)`."""
    probabilities = node_probabilities(tree, y_pred, scores, from_logits)
    least = probabilities
    for nodes in tree.depth_table[:-1]:
        # Where a node is no deeper, the table gives it itself.
        least = ops.minimum(least, ops.take(probabilities, nodes, axis=-1))
    return least


def labels_at(tree, probabilities, threshold):
    """The deepest node of which `coherent_probabilities` reach the threshold."""
    is_leaf = np.arange(tree.num_nodes) < tree.num_leaves
    depths = np.where(is_leaf, tree.num_levels, tree.depths).astype("float32")
    reached = probabilities >= threshold
    # Half a depth at most: the probability decides among nodes of one depth alone.
    rank = ops.where(reached, depths + 0.5 * probabilities, -1.0)
    return ops.where(ops.any(reached, axis=-1), argmax(rank), UNKNOWN)
