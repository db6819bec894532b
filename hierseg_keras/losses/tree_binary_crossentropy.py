"""Binary cross-entropy of every node of a class tree (HSSN, eq. 2)."""

import keras

from hierseg_keras.losses.coherent_logits import independent_error_logits
from hierseg_keras.losses.node_loss import NodeLoss


@keras.saving.register_keras_serializable("hierseg_keras")
class TreeBinaryCrossentropy(NodeLoss):
    """Computes (focal) binary crossentropy of every node of a class tree, each by itself.

    This is the baseline that `TreeMin` improves on: the nodes of a path are supervised together, but
    nothing ties their scores to one another.

    Formula, with `s = sigmoid(y_pred)` and `P` the label's path, itself included:

        loss = sum_{v in P} w_v (1 - s_v)^gamma * -log(s_v)
             + sum_{v not in P} w_v s_v^gamma * -log(1 - s_v)

    Nodes below an internal label are unknown and do not contribute.

    Args:
        tree: `ClassTree`, or its text. Fixes the order of the last axis of `y_pred`.
        gamma: Focusing exponent, at least 0. Defaults to 0; 2 gives the "Focal" row of HSSN's
            table 6.
        node_weights: Optional `V` floats `w_v`, or dict from nodes to floats, others 1; see
            `ClassTree.level_weights`. Defaults to ones.
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
    >>> loss = hs.losses.TreeBinaryCrossentropy(tree)
    >>> round(float(loss(np.array([[[0]]]), np.zeros((1, 1, 1, 3)))), 4)     # 3 log 2
    2.0794

    Reference:
        [Li et al., Deep Hierarchical Semantic Segmentation, CVPR 2022](
        https://arxiv.org/abs/2203.14335), eq. 2.
    """

    def __init__(
        self,
        tree,
        gamma=0,
        node_weights=None,
        from_logits=True,
        class_weights=None,
        ignore_class=255,
        normalization="replica",
        reduction="sum_over_batch_size",
        name="tree_binary_crossentropy",
        dtype=None,
    ):
        options = (from_logits, class_weights, ignore_class, normalization, reduction, name, dtype)
        super().__init__(tree, gamma, node_weights, *options)

    def error_logits(self, label, logits):
        return independent_error_logits(self.tree, label, logits)

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma}
