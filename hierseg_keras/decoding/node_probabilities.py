"""From scores to one probability per node."""

from hierseg_keras.tree.scores import infer_scores


def node_probabilities(tree, y_pred, scores=None, from_logits=None):
    """Gives every node of a tree its probability.

    Args:
        tree: `ClassTree`, or its text.
        y_pred: Float node scores `(..., V)` or leaf scores `(..., L)`. Of leaf scores, an internal
            node's probability is the sum over its leaves.
        scores, from_logits: As in `best_path`.

    Returns:
        Float tensor `(..., V)`, in [0, 1].

    Raises:
        ValueError: As `best_path`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> np.asarray(hs.decoding.node_probabilities(tree, np.log([0.3, 0.2, 0.5]))).round(3).tolist()
    [0.3, 0.2, 0.5, 0.5]
    """
    return infer_scores(tree, y_pred.shape, scores, from_logits).node_probabilities(y_pred)
