"""The losses with a sigmoid per node: one binary term a node, summed over the tree."""

import functools

import numpy as np
from keras import ops

from hierseg_keras.losses.tree_loss import TreeLoss
from hierseg_keras.tree.ops import max_over_descendants, min_over_ancestors


class NodeLoss(TreeLoss):
    """Base class of the losses on node logits; a subclass says which logit answers for each node.

    Every node known to be on or off the label's path contributes one (focal) binary
    cross-entropy. A subclass implements `path_and_other_logits(y_pred)`.

    Args:
        tree: `ClassTree`, or its text.
        gamma: Focusing exponent, at least 0.
        node_weights: Optional `V` floats, each node's weight. Defaults to ones.
        ignore_class, reduction, name, dtype: As in `TreeLoss`.
    """

    def __init__(self, tree, gamma, node_weights, **kwargs):
        super().__init__(tree, **kwargs)
        if not gamma >= 0:
            raise ValueError(f"`{type(self).__name__}` expects gamma >= 0. Received: gamma={gamma}.")
        self.gamma = float(gamma)
        self.node_weights = self._check_weights("node_weights", node_weights, self.tree.num_nodes, "node")

    @property
    def num_channels(self):
        return self.tree.num_nodes

    def path_and_other_logits(self, logits):
        """The logits that answer for a node on the label's path, and for one off it: twice `(V, N)`."""
        raise NotImplementedError

    def pixel_losses(self, label, y_pred):
        terms = self._node_terms(label, y_pred)
        if self.node_weights is not None:
            terms = terms * ops.convert_to_tensor(np.reshape(self.node_weights, (-1, 1)), terms.dtype)
        return ops.reshape(ops.sum(terms, axis=0), ops.shape(label))

    def depth_losses(self, label, y_pred):
        terms = self._node_terms(label, y_pred)
        per_depth = ops.segment_sum(terms, self.tree.depths - 1, num_segments=self.tree.num_levels)
        return ops.reshape(ops.transpose(per_depth), (*ops.shape(label), self.tree.num_levels))

    def _node_terms(self, label, y_pred):
        """Each node's term at each pixel, node-major: `(V, N)`."""
        logits = ops.transpose(ops.reshape(y_pred, (-1, self.tree.num_nodes)))
        membership = ops.transpose(ops.take(_path_membership(self.tree), ops.reshape(label, (-1,)), axis=0))
        on_path, off_path = self.path_and_other_logits(logits)
        margin = ops.where(membership > 0, on_path, -off_path)
        return ops.where(membership != 0, focal_log_loss(margin, self.gamma), 0.0)

    def get_config(self):
        return {**super().get_config(), "node_weights": self.node_weights}


class CoherentNodeLoss(NodeLoss):
    """Eq. 4: a node on the path answers with the least score above it, one off the path with the
    largest below it. The logistic function is monotone, so that both hold for logits."""

    def path_and_other_logits(self, logits):
        return min_over_ancestors(self.tree, logits), max_over_descendants(self.tree, logits)


def focal_log_loss(margin, gamma):
    """Computes `(1 - p)^gamma * -log p` for `p = sigmoid(margin)`.

    Exact to the dtype's own precision at any margin: both factors come from `exp(-|margin|)`,
    and neither a probability nor its logarithm is ever rounded to 0.

    Args:
        margin: Float tensor of any shape, the logit of the right answer.
        gamma: Float, at least 0; 0 gives the plain logistic loss.

    Returns:
        Float tensor of the same shape, in nats.
    """

    @ops.custom_gradient
    def forward(margin):
        tail = ops.exp(-ops.abs(margin))
        log_loss = ops.relu(-margin) + ops.log1p(tail)
        wrong = ops.where(margin < 0, 1.0, tail) / (1.0 + tail)
        right = ops.where(margin < 0, tail, 1.0) / (1.0 + tail)
        focus = _power(wrong, gamma)

        def backward(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            return -upstream * focus * (gamma * right * log_loss + wrong)

        return focus * log_loss, backward

    return forward(margin)


def _power(x, exponent):
    # The paper's exponents, 0 and 2, spare a pow, which costs more than all the rest.
    if exponent == 0:
        return ops.ones_like(x)
    return ops.square(x) if exponent == 2 else ops.power(x, exponent)


@functools.lru_cache(maxsize=32)
def _path_membership(tree):
    """`(V, V)` int8, a row a label: 1 for a node on its path, -1 off it, 0 unknown (below it)."""
    above = tree.ancestor_matrix
    return np.where(above.T, 1, np.where(above, 0, -1)).astype(np.int8)
