"""Focal tree-min averaged per level, with a softmax crossentropy at every level: what HSSN's authors released."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.losses.coherent_logits import coherent_error_logits
from hierseg_keras.losses.node_loss import focal_log_loss
from hierseg_keras.losses.tree_loss import TreeLoss
from hierseg_keras.tree.ops import node_major


@keras.saving.register_keras_serializable("hierseg_keras")
class TreeMinCrossentropy(TreeLoss):
    """Computes five times the focal tree-min loss, averaged per level, plus a crossentropy per level.

    This is the objective of the code released with HSSN, to compare with networks that it trained;
    for Cityscapes that code uses `gamma=0`. The crossentropies apply a softmax over each level's
    classes to the same node logits, and learn faster from scratch than a sigmoid per node does.

    Formula, with `t_v` the term of node `v` in `FocalTreeMin`, `V_l` the nodes of level `l` (the
    leaves are those of level 1), `C_l` the classes of level `l` (`ClassTree.level_classes`) and
    `c_l` the one that holds the label:

        loss = sum_l w_l (tree_min_weight * mean_{v in V_l} t_v - log(exp(y_{c_l}) / sum_{c in C_l} exp(y_c)))

    A label too coarse for a level does not contribute to that level's crossentropy.

    Args:
        tree: `ClassTree`, or its text. Fixes the order of the last axis of `y_pred`.
        gamma: Focusing exponent, at least 0. Defaults to 2.
        tree_min_weight: Factor of the tree-min terms. Defaults to 5.
        level_weights: Optional `D` floats `w_l`, finest first. Defaults to ones.
        from_logits: Whether `y_pred` holds logits, the default, or probabilities after a sigmoid.
            Logits are exact at any margin; probabilities are clipped to `keras.config.epsilon()`.
        class_weights: Optional `V` floats, or dict from nodes (name, path or index) to floats, others 1.
            A pixel counts as much as its label's class weighs, in the loss and in what a mean divides
            by. Computed from pixel counts by `data.class_weights`. Defaults to ones.
        ignore_class: Integer label of pixels without one, outside `[0, V)`; may be negative. Defaults
            to 255. These pixels contribute to neither the loss, its gradient, nor the averaging
            denominator.
        normalization: What a mean divides by under `tf.distribute`: `"replica"` (the default), the
            labeled pixels of each replica, as Keras does it; or `"global"`, those of all.
        reduction, name, dtype: As in `keras.losses.Loss`.

    Call arguments:
        y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`, in `[0, V)` or `ignore_class`.
        y_pred: Float node logits, `(B, H, W, V)`; or probabilities, with `from_logits=False`.
        sample_weight: Optional, `(B,)`, one weight per image, or `(B, H, W)`, one per pixel.

    Returns:
        Float loss per pixel in nats, `(B, H, W)`, from `call()`; reduced as `reduction` says, by
        default to the mean over labeled pixels, weighted by `class_weights`. 0 if no pixel is labeled.
        NaN if a label is neither a node nor `ignore_class`.

    Raises:
        ValueError: If `y_pred` does not have `tree.num_nodes` channels, or visibly holds probabilities
            although `from_logits=True`; if `y_true` does not have one integer per pixel of `y_pred`, or
            `sample_weight` one weight per image or pixel.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider")
    >>> loss = hs.losses.TreeMinCrossentropy(tree)
    >>> round(float(loss(np.array([[[0]]]), np.zeros((1, 1, 1, 3)))), 4)     # 5 (1/4 + 1/4) log 2 + log 2
    2.426

    Reference:
        No equation of [Li et al., CVPR 2022](https://arxiv.org/abs/2203.14335), whose objective is
        `FocalTreeMin` with `TreeTriplet`; the difference is known from the code that it points to.
    """

    scores = "nodes"

    def __init__(
        self,
        tree,
        gamma=2,
        tree_min_weight=5.0,
        level_weights=None,
        from_logits=True,
        class_weights=None,
        ignore_class=255,
        normalization="replica",
        reduction="sum_over_batch_size",
        name="tree_min_crossentropy",
        dtype=None,
    ):
        options = (from_logits, class_weights, ignore_class, normalization, reduction, name, dtype)
        super().__init__(tree, *options)
        for argument, value in (("gamma", gamma), ("tree_min_weight", tree_min_weight)):
            if not value >= 0:
                raise ValueError(f"`TreeMinCrossentropy` expects {argument} >= 0. Received: {argument}={value}.")
        self.gamma = float(gamma)
        self.tree_min_weight = float(tree_min_weight)
        self.level_weights = self._check_weights("level_weights", level_weights, self.tree.num_levels, "level")

    def pixel_losses(self, label, logits):
        return sum(
            weight * (self.tree_min_weight * tree_min + crossentropy)
            for weight, tree_min, crossentropy in self._level_terms(label, logits)
        )

    def depth_losses(self, label, logits):
        # Level 1 is depth D.
        levels = [
            weight * (self.tree_min_weight * tree_min + crossentropy)
            for weight, tree_min, crossentropy in self._level_terms(label, logits, is_weighted=False)
        ]
        return ops.stack(levels[::-1], axis=-1)

    def _level_terms(self, label, logits, is_weighted=True):
        """By level: its weight, the mean of its tree-min terms, and its crossentropy, both per pixel."""
        tree = self.tree
        terms = focal_log_loss(coherent_error_logits(tree, label, node_major(logits)), self.gamma)
        level_of = tree.level_weights(np.arange(1, tree.num_levels + 1))
        for level in range(1, tree.num_levels + 1):
            weight = self.level_weights[level - 1] if self.level_weights and is_weighted else 1.0
            nodes = np.flatnonzero(level_of == level)
            # Keras's `mean` would round float64 to float32 on JAX.
            tree_min = ops.sum(ops.take(terms, nodes, axis=-2), axis=-2) / len(nodes)
            yield weight, tree_min, _level_crossentropy(tree, level, label, logits)

    def get_config(self):
        config = {"gamma": self.gamma, "tree_min_weight": self.tree_min_weight, "level_weights": self.level_weights}
        return {**super().get_config(), **config}


def _level_crossentropy(tree, level, label, logits):
    classes, table = tree.level_classes(level), tree.level_table[level - 1]
    position = np.where(table >= 0, np.searchsorted(classes, table), -1).astype("int32")
    position = ops.take(position, label, axis=0)
    logits = ops.take(logits, classes, axis=-1)
    is_target = ops.arange(len(classes), dtype="int32") == position[..., None]
    target = ops.sum(ops.where(is_target, logits, 0.0), axis=-1)
    return ops.where(position >= 0, ops.logsumexp(logits, axis=-1) - target, 0.0)
