"""Binary cross-entropy of every node of a class tree (HSSN, eq. 2)."""

import keras

from hierseg_keras.losses.coherent_logits import own_wrong_logits
from hierseg_keras.losses.node_loss import NodeLoss


@keras.saving.register_keras_serializable("hierseg_keras")
class TreeBinaryCrossentropy(NodeLoss):
    """Computes (focal) binary crossentropy of every node of a class tree, each by itself.

    The baseline that `TreeMin` improves on: the nodes of a path are supervised together, but
    nothing ties their scores to one another.

    Formula, with `s = sigmoid(y_pred)` and `P` the label's path, itself included:

        loss = sum_{v in P} w_v (1 - s_v)^gamma * -log(s_v)
             + sum_{v not in P} w_v s_v^gamma * -log(1 - s_v)

    Nodes below an internal label are unknown and take no part.

    Args:
        tree: `ClassTree`, or its text. Fixes the order of the last axis of `y_pred`.
        gamma: Focusing exponent, at least 0. Defaults to 0; 2 gives the "Focal" row of HSSN's
            table 6.
        node_weights: Optional `V` floats `w_v`; see `ClassTree.level_weights`. Defaults to ones.
        ignore_class: Integer label of pixels that take no part, outside `[0, V)`; may be
            negative. Defaults to 255.
        normalization: What a mean divides by under `tf.distribute`: `"replica"` (the default), the
            labelled pixels of each replica, as Keras does it; or `"global"`, those of all.
        reduction, name, dtype: As in `keras.losses.Loss`; see `TreeLoss` for the mean.

    Call arguments:
        y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`, in `[0, V)` or `ignore_class`.
        y_pred: Float node logits, `(B, H, W, V)`.

    Returns:
        Float loss per pixel in nats, `(B, H, W)`, from `call()`; reduced as `reduction` says.

    Raises:
        ValueError: If the last axis of `y_pred` is not `tree.num_nodes` long, or `y_true` has
            another size than `y_pred`.

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
        ignore_class=255,
        normalization="replica",
        reduction="sum_over_batch_size",
        name="tree_binary_crossentropy",
        dtype=None,
    ):
        super().__init__(tree, gamma, node_weights, ignore_class, normalization, reduction, name, dtype)

    def wrong_logits(self, label, logits):
        return own_wrong_logits(self.tree, label, logits)

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma}
