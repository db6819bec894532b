"""From logits to a probability a node."""

from keras import ops

from hierseg_keras.decoding.best_path import told_outputs
from hierseg_keras.tree import as_class_tree
from hierseg_keras.tree.ops import sum_over_leaves


def node_probabilities(tree, logits, outputs=None):
    """Gives every node of a tree its probability.

    Args:
        tree: `ClassTree`, or its text.
        logits: Float node logits `(..., V)`, of which the logistic function is taken, or leaf
            logits `(..., L)`: their softmax, and an internal node's sum over its leaves.
        outputs: `"nodes"` or `"leaves"`; told by the channel count where it is left out.

    Returns:
        Float tensor `(..., V)`, in [0, 1].

    Raises:
        ValueError: If the channels fit neither the nodes nor the leaves.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> np.asarray(hs.decoding.node_probabilities(tree, np.log([0.3, 0.2, 0.5]))).round(3).tolist()
    [0.3, 0.2, 0.5, 0.5]
    """
    tree = as_class_tree(tree)
    logits = ops.convert_to_tensor(logits)
    if told_outputs(tree, logits.shape, outputs) == "nodes":
        return ops.sigmoid(logits)
    # `ops.softmax` warns of a tree of one class.
    probabilities = ops.exp(logits - ops.logsumexp(logits, axis=-1, keepdims=True))
    return ops.concatenate([probabilities, sum_over_leaves(tree, probabilities)], axis=-1)
