"""One focal logistic loss per node: the terms of the losses of node scores."""

from keras import ops

from hierseg_keras.losses.terms import TreeTerms
from hierseg_keras.tree.ops import kept


def node_terms(tree, error_logits, gamma, node_weights):
    """Returns the `TreeTerms` of a loss with one focal logistic loss per node.

    Args:
        tree: `ClassTree`.
        error_logits: `coherent_error_logits` or `independent_error_logits`.
        gamma: Float, focusing exponent.
        node_weights: List of `V` floats, or `None` for ones.
    """

    def function(label, logits):
        (rows,) = kept(ops.swapaxes(logits, 0, 1))
        errors, errors_backward = error_logits(tree, label, rows)
        terms, slope = kept(*focal_log_loss(errors, gamma))
        return terms, lambda upstream: ops.swapaxes(errors_backward(upstream * slope), 0, 1)

    return TreeTerms(function, tree.depths, node_weights)


def focal_log_loss(error_logit, gamma):
    """Computes `p^gamma * -log(1 - p)` for `p = sigmoid(error_logit)`, the probability of the wrong decision.

    The result is exact to the precision of the dtype for any logit, because no probability is rounded to 0 or 1.
    A logit of -inf gives 0.

    Args:
        error_logit: Float tensor of any shape.
        gamma: Float, at least 0; 0 gives the plain logistic loss.

    Returns:
        A pair of float tensors of the same shape: the loss in nats, and its derivative with respect to the logit.
    """
    wrong = ops.sigmoid(error_logit)
    # `ops.softplus` takes twice as long on a CPU.
    log_loss = ops.relu(error_logit) + ops.log1p(ops.exp(-ops.abs(error_logit)))
    if gamma == 0:
        return log_loss, wrong
    focus = ops.square(wrong) if gamma == 2 else ops.power(wrong, gamma)
    loss = focus * log_loss
    return loss, (gamma - gamma * wrong) * loss + focus * wrong
