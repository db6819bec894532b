"""Binary cross-entropy of scores made coherent along a class tree (HSSN, eq. 4 and 5)."""

import keras

from hierseg_keras.losses.node_loss import CoherentNodeLoss


@keras.saving.register_keras_serializable("hierseg_keras")
class TreeMin(CoherentNodeLoss):
    """Computes the tree-min loss: binary crossentropy of scores made coherent along the tree.

    A node on the label's path is only as credible as its least credible ancestor, and a node off
    it as its most credible descendant; scores that break the tree's order are charged to the node
    that breaks it.

    Formula, with `s = sigmoid(y_pred)`, `P` the label's path, `A_v` the node `v` and its
    ancestors, `C_v` the node `v` and its descendants:

        loss = sum_{v in P} w_v * -log(min_{u in A_v} s_u)
             + sum_{v not in P} w_v * -log(1 - max_{u in C_v} s_u)

    Nodes below an internal label are unknown and take no part. Where n scores tie in a min or
    max, each receives 1/n of the gradient.

    Args:
        tree: `ClassTree`, or its text. Fixes the order of the last axis of `y_pred`.
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
    >>> loss = hs.losses.TreeMin(tree)
    >>> logits = np.array([[[[2.0, -1.0, 1.0]]]])             # person, rider, human
    >>> round(float(loss(np.array([[[0]]]), logits)), 4)     # 3 softplus(-1)
    0.9398

    Reference:
        [Li et al., Deep Hierarchical Semantic Segmentation, CVPR 2022](
        https://arxiv.org/abs/2203.14335), eq. 4 and 5. The released code averages the terms level
        by level, weighs them by five and adds cross-entropies; this is the paper's sum.
    """

    def __init__(
        self,
        tree,
        node_weights=None,
        ignore_class=255,
        normalization="replica",
        reduction="sum_over_batch_size",
        name="tree_min",
        dtype=None,
    ):
        super().__init__(tree, 0, node_weights, ignore_class, normalization, reduction, name, dtype)
