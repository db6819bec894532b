"""The losses with a sigmoid per node: one binary term per node, summed over the tree."""

import numpy as np
from keras import ops

from hierseg_keras.losses.coherent_logits import coherent_error_logits
from hierseg_keras.losses.tree_loss import TreeLoss
from hierseg_keras.tree.ops import node_major, with_gradient


class NodeLoss(TreeLoss):
    """Base class of the losses on node scores; a subclass says which logit stands for each node.

    Every node known to be on or off the label's path contributes one (focal) binary
    crossentropy. A subclass implements `error_logits(label, logits)`.

    Args:
        tree: `ClassTree`, or its text.
        gamma: Focusing exponent, at least 0.
        node_weights: Optional `V` floats, each node's weight, or a dict from nodes to floats, others 1.
            Defaults to ones.
        options: `TreeLoss`'s own, in its order.
    """

    scores = "nodes"

    def __init__(self, tree, gamma, node_weights, *options):
        super().__init__(tree, *options)
        if not gamma >= 0:
            raise ValueError(f"`{type(self).__name__}` expects gamma >= 0. Received: gamma={gamma}.")
        self.gamma = float(gamma)
        self.node_weights = self._check_node_weights("node_weights", node_weights)

    def error_logits(self, label, logits):
        """The logit of each node's wrong decision, `(..., V, N)`; -inf where a node is unknown."""
        raise NotImplementedError

    def pixel_losses(self, label, logits):
        terms = self._node_terms(label, logits)
        if self.node_weights is not None:
            terms = terms * ops.convert_to_tensor(np.reshape(self.node_weights, (-1, 1)), terms.dtype)
        return ops.sum(terms, axis=-2)

    def depth_losses(self, label, logits):
        terms = self._node_terms(label, logits)
        of_depth = [np.flatnonzero(self.tree.depths == depth) for depth in range(1, self.tree.num_levels + 1)]
        return ops.stack([ops.sum(ops.take(terms, nodes, axis=-2), axis=-2) for nodes in of_depth], axis=-1)

    def _node_terms(self, label, logits):
        """Each node's term, node-major within an image row: `(B, H, V, W)`."""
        return focal_log_loss(self.error_logits(label, node_major(logits)), self.gamma)

    def get_config(self):
        return {**super().get_config(), "node_weights": self.node_weights}


class CoherentNodeLoss(NodeLoss):
    """Base class of the losses on coherent scores (eq. 4): of a node on the path, the smallest score among its
    ancestors and itself; of a node off it, the largest among its descendants and itself."""

    def error_logits(self, label, logits):
        return coherent_error_logits(self.tree, label, logits)


def focal_log_loss(error_logit, gamma):
    """Computes `p^gamma * -log(1 - p)` for `p = sigmoid(error_logit)`, the wrong decision's probability.

    Exact to the dtype's own precision at any logit: no probability nor its logarithm is ever
    rounded to 0, and -inf gives 0.

    Args:
        error_logit: Float tensor of any shape.
        gamma: Float, at least 0; 0 gives the plain logistic loss.

    Returns:
        Float tensor of the same shape, in nats.
    """

    def function(x):
        tail = ops.exp(-ops.abs(x))
        log_loss = ops.relu(x) + ops.log1p(tail)
        wrong = ops.where(x < 0, tail, 1.0) / (1.0 + tail)
        focus = _power(wrong, gamma)
        # Worked out here, so that this one tensor is all that waits for the gradient.
        slope = focus * (gamma * (1.0 - wrong) * log_loss + wrong)
        return focus * log_loss, lambda upstream: upstream * slope

    return with_gradient(function)(error_logit)


def _power(x, exponent):
    # The paper's exponents, 0 and 2, spare a pow, which costs more than all the rest.
    if exponent == 0:
        return ops.ones_like(x)
    return ops.square(x) if exponent == 2 else ops.power(x, exponent)
