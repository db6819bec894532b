"""Several predictions of one image as one."""

import math

from keras import ops


def average_logits(logits, outputs):
    """Averages probabilities, and gives them as logits again.

    Whatever takes a network's logits takes the average's: losses, metrics, decoding. Probabilities
    near 0 and near 1 are kept to the precision of their logits.

    Args:
        logits: List of float tensors of one shape, `(..., V)` or `(..., L)`, or one with them
            stacked along a first axis.
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
    stacked = ops.stack(logits) if isinstance(logits, (list, tuple)) else logits
    if outputs == "nodes":
        return ops.logsumexp(ops.log_sigmoid(stacked), axis=0) - ops.logsumexp(ops.log_sigmoid(-stacked), axis=0)
    return ops.logsumexp(ops.log_softmax(stacked), axis=0) - math.log(stacked.shape[0])
