"""Several predictions of one image as one."""

from keras import ops


def average_logits(logits, outputs):
    """Averages probabilities, and gives them as logits again.

    Whatever takes a network's logits takes the average's: losses, metrics, decoding. Probabilities
    near 0 and near 1 are kept to the precision of their logits.

    Args:
        logits: List of float tensors of one shape, `(..., V)` or `(..., L)`.
        outputs: `"nodes"`, of which the logistic function is averaged, or `"leaves"`, of which the
            softmax is.

    Returns:
        Float tensor of that shape: `log(p / (1 - p))` of the nodes' mean probabilities, `log(p)` of
        the leaves'.

    Example:

    >>> logits = hs.decoding.average_logits([np.array([0.0]), np.log([3.0])], "nodes")   # 1/2 and 3/4
    >>> round(float(np.exp(logits[0])), 4)                                               # 5/8 to 3/8
    1.6667
    """
    terms = [log_probabilities(ops.convert_to_tensor(x), outputs) for x in logits]
    return logits_of_sums([ops.logsumexp(ops.stack(parts), axis=0) for parts in zip(*terms)], outputs)


def log_probabilities(logits, outputs):
    """Logarithms of what is added up: list of tensors, of the nodes' yes and no, or the leaves'."""
    if outputs == "nodes":
        return [ops.log_sigmoid(logits), ops.log_sigmoid(-logits)]
    return [_log_softmax(logits)]


def logits_of_sums(log_sums, outputs):
    """Logits of the means, from the logarithms of sums of any length."""
    if outputs == "nodes":
        yes, no = log_sums
        return yes - no
    return _log_softmax(log_sums[0])


def _log_softmax(x):
    # `ops.log_softmax` warns of a tree of one class.
    return x - ops.logsumexp(x, axis=-1, keepdims=True)
