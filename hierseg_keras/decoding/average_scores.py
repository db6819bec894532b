"""Several predictions of one image as one."""

from keras import ops

from hierseg_keras.tree.ops import log_softmax

# Below every probability that float32 holds.
_SMALLEST = 1e-37


def average_scores(predictions, scores, from_logits=True):
    """Averages the probabilities of several predictions and returns them as the predictions are.

    The result means what the predictions mean: whatever reads a network's scores reads the
    average's. Probabilities near 0 and near 1 keep the precision of their logits.

    Formula, with `p_i` the probabilities of prediction `i` of `n`:

        average = logit(1/n sum_i p_i)     of node logits
        average = log(1/n sum_i p_i)       of leaf logits
        average = 1/n sum_i p_i            of probabilities

    Args:
        predictions: List of float tensors of one shape, `(..., V)` or `(..., L)`.
        scores: `"nodes"` (a sigmoid per node) or `"leaves"` (a softmax over leaves).
        from_logits: Whether the predictions are logits, the default, or probabilities.

    Returns:
        Float tensor of that shape.

    Example:

    >>> logits = hs.decoding.average_scores([np.array([0.0]), np.log([3.0])], "nodes")   # 1/2 and 3/4
    >>> round(float(np.exp(logits[0])), 4)                                               # 5/8 to 3/8
    1.6667
    """
    terms = [log_terms(ops.convert_to_tensor(x), scores, from_logits) for x in predictions]
    return from_log_sums([ops.logsumexp(ops.stack(parts), axis=0) for parts in zip(*terms)], scores, from_logits)


def log_terms(y_pred, scores, from_logits=True):
    """Logarithms of what is added up: list of tensors, of the nodes' yes and no, or of the leaves."""
    if not from_logits:
        parts = [y_pred, 1.0 - y_pred] if scores == "nodes" else [y_pred]
        return [ops.log(ops.maximum(part, _SMALLEST)) for part in parts]
    if scores == "nodes":
        return [ops.log_sigmoid(y_pred), ops.log_sigmoid(-y_pred)]
    return [log_softmax(y_pred)]


def from_log_sums(log_sums, scores, from_logits=True):
    """Scores of the means, from the logarithms of sums of any length."""
    if scores == "nodes":
        yes, no = log_sums
        return yes - no if from_logits else ops.sigmoid(yes - no)
    means = log_softmax(log_sums[0])
    return means if from_logits else ops.exp(means)
