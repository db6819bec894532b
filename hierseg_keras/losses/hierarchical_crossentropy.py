"""Cross-entropy summed over the depths of a class tree (Muller & Smith, 2020)."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.losses.tree_loss import TreeLoss

# Stands for the logarithm of an empty sum: far below any difference of logits, and finite.
_EMPTY = -1e30


def depth_crossentropies(tree, label, logits):
    """Computes `-log p(c_d)` at every depth `d`, `c_d` being the label's ancestor there.

    With `C` the leaves below `c_d`, the term is

        -log p(c_d) = softplus(logsumexp(logits outside C) - logsumexp(logits in C)),

    which keeps every digit of a loss near zero, where a difference of two sums that both hold
    `C` would cancel.

    Args:
        tree: `ClassTree`.
        label: Integer node labels, `(...)`, in `[0, V)`.
        logits: Float leaf logits, `(..., L)`.

    Returns:
        Float tensor, `(..., D)`, depth 1 first. 0 below a label at an internal node.
    """
    # Differences of logits must not be lost to their common size.
    logits = logits - ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True))
    # A leaf stands for itself at every depth; an internal label says nothing below its own.
    deepest = np.where(np.arange(tree.num_nodes) < tree.num_leaves, tree.num_levels, tree.depths)
    terms = []
    for depth, nodes in enumerate(tree.depth_table, start=1):
        node = ops.expand_dims(ops.take(nodes, label, axis=0), -1)
        inside = ops.equal(nodes[: tree.num_leaves], node)
        family = ops.logsumexp(ops.where(inside, logits, _EMPTY), axis=-1)
        others = ops.logsumexp(ops.where(inside, _EMPTY, logits), axis=-1)
        is_known = ops.take(deepest >= depth, label, axis=0)
        terms.append(ops.where(is_known, ops.softplus(others - family), 0.0))
    return ops.stack(terms, axis=-1)


@keras.saving.register_keras_serializable("hierseg_keras")
class HierarchicalCrossentropy(TreeLoss):
    """Computes crossentropy at every depth of a class tree.

    Each node's probability is the sum over its leaves, so that a confusion inside one family
    costs less than a confusion between families. For any softmax segmentation network: it
    changes nothing but the loss.

    Formula, for a pixel whose label has the ancestor `c_d` at depth `d`:

        loss = sum_d w_d * -log p(c_d),    p(c) = sum of softmax(y_pred)[k] over the leaves k below c

    A leaf above depth `D` stands for itself at every depth below it. A label at an internal
    node of depth `k` sums depths `1 .. k`: it supervises what it determines and no more.

    Args:
        tree: `ClassTree`, or its text. Fixes the order of the last axis of `y_pred`.
        depth_weights: Optional `D` floats `w_d`, depth 1 (the coarsest) first. Defaults to ones.
        ignore_class: Integer label of pixels that take no part, outside `[0, V)`; may be
            negative. Defaults to 255.
        reduction, name, dtype: As in `keras.losses.Loss`; see `TreeLoss` for the mean.

    Call arguments:
        y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`, in `[0, V)` or `ignore_class`.
        y_pred: Float leaf logits, `(B, H, W, L)`.

    Returns:
        Float loss per pixel in nats, `(B, H, W)`, from `call()`; reduced as `reduction` says.

    Raises:
        ValueError: If the last axis of `y_pred` is not `tree.num_leaves` long, or `y_true` has
            another size than `y_pred`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> loss = hs.losses.HierarchicalCrossentropy(tree)
    >>> logits = np.log([[[[0.5, 0.3, 0.2]]]])
    >>> round(float(loss(np.array([[[0]]]), logits)), 4)     # person: -log 0.8 - log 0.5
    0.9163
    >>> round(float(loss(np.array([[[3]]]), logits)), 4)     # human, and no more is known: -log 0.8
    0.2231

    Reference:
        [Muller & Smith, A Hierarchical Loss for Semantic Segmentation, VISAPP 2020](
        https://doi.org/10.5220/0008946002600267), eq. 1-4. Differs from it in: a label may be an
        internal node; the term is a softplus of the difference of two log-sum-exps over disjoint
        leaves, where eq. 4 takes the whole and the part.
    """

    def __init__(
        self,
        tree,
        depth_weights=None,
        ignore_class=255,
        reduction="sum_over_batch_size",
        name="hierarchical_crossentropy",
        dtype=None,
    ):
        super().__init__(tree, ignore_class=ignore_class, reduction=reduction, name=name, dtype=dtype)
        self.depth_weights = self._check_weights("depth_weights", depth_weights, self.tree.num_levels, "depth")

    @property
    def num_channels(self):
        return self.tree.num_leaves

    def depth_losses(self, label, y_pred):
        return depth_crossentropies(self.tree, label, y_pred)

    def pixel_losses(self, label, y_pred):
        terms = self.depth_losses(label, y_pred)
        if self.depth_weights is not None:
            terms = terms * ops.convert_to_tensor(self.depth_weights, terms.dtype)
        return ops.sum(terms, axis=-1)

    def get_config(self):
        return {**super().get_config(), "depth_weights": self.depth_weights}
