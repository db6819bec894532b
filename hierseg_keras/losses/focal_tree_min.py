"""Focal binary cross-entropy of scores made coherent along a class tree (HSSN, eq. 6)."""

from typing import Literal

import keras
from numpy.typing import ArrayLike

from hierseg_keras.losses.coherent_logits import coherent_error_logits
from hierseg_keras.losses.node_terms import node_terms
from hierseg_keras.losses.tree_loss import TreeLoss, pixel_losses
from hierseg_keras.losses.weights import NodeWeights, check_node_weights, check_not_negative
from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.tree.tensor import Tensor


def focal_tree_min(
    tree: ClassTree | str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    gamma: float = 2.0,
    node_weights: NodeWeights | None = None,
    from_logits: bool = True,
    ignore_class: int = 255,
) -> Tensor:
    """Computes the focal tree-min loss of each pixel; see `FocalTreeMin`.

    Formula, with `s = sigmoid(y_pred)`, `P` the label's path, `A_v` the node `v` and its ancestors,
    `C_v` the node `v` and its descendants, and the coherent scores `p_v = min_{u in A_v} s_u` on `P`
    and `p_v = max_{u in C_v} s_u` off it:

        loss = sum_{v in P} w_v (1 - p_v)^gamma * -log(p_v)
             + sum_{v not in P} w_v p_v^gamma * -log(1 - p_v)

    Args:
        tree: `ClassTree`, or its text. Fixes the order of the last axis of `y_pred`.
        y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`, in `[0, V)` or `ignore_class`.
        y_pred: Float node logits, `(B, H, W, V)`; or probabilities, with `from_logits=False`.
        gamma: Focusing exponent, at least 0; 0 gives `tree_min`. Defaults to 2, as in the paper.
        node_weights, from_logits, ignore_class: As in `FocalTreeMin`.

    Returns:
        Float loss per pixel in nats, `(B, H, W)`: float64 if `y_pred` is float64, otherwise float32. 0 if a pixel
        is ignored, and NaN if its label is neither a node nor `ignore_class`.

    Raises:
        ValueError: As in `FocalTreeMin`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider")
    >>> loss = hs.losses.focal_tree_min(tree, np.array([[[0]]]), np.zeros((1, 1, 1, 3)))
    >>> round(float(loss[0, 0, 0]), 4)     # 3/4 log 2
    0.5199
    """
    tree, owner = as_class_tree(tree), "focal_tree_min"
    node_weights = check_node_weights(owner, "node_weights", node_weights, tree)
    gamma = check_not_negative(owner, "gamma", gamma)
    terms = node_terms(tree, coherent_error_logits, gamma, node_weights)
    return pixel_losses(owner, tree, "nodes", terms, y_true, y_pred, from_logits, ignore_class)


@keras.saving.register_keras_serializable("hierseg_keras")
class FocalTreeMin(TreeLoss):
    """Computes the focal tree-min loss, which HSSN applies to the node logits.

    Formula, with `p_v` the coherent scores of `TreeMin`, `p_v = min_{u in A_v} s_u` on the
    label's path `P` and `p_v = max_{u in C_v} s_u` off it:

        loss = sum_{v in P} w_v (1 - p_v)^gamma * -log(p_v)
             + sum_{v not in P} w_v p_v^gamma * -log(1 - p_v)

    Args:
        tree: `ClassTree`, or its text. Fixes the order of the last axis of `y_pred`.
        gamma: Focusing exponent, at least 0; 0 gives `TreeMin`. Defaults to 2, as in the paper.
        node_weights: Optional `V` floats `w_v`, or dict from nodes to floats; missing nodes weigh 1.
            `ClassTree.level_weights` computes them from weights per level. Defaults to ones.
        from_logits: Whether `y_pred` contains logits (the default) or probabilities after a sigmoid. The loss
            of logits is exact at any value; probabilities are clipped to `keras.config.epsilon()`.
        class_weights: Optional `V` floats, or dict from nodes (name, path or index) to floats; missing nodes weigh 1.
            Each pixel is weighted by the class of its label, in the loss and in the denominator of a mean.
            `data.class_weights` computes weights from pixel counts. Defaults to ones.
        ignore_class: Integer label of unlabeled pixels, outside `[0, V)`; may be negative. Defaults
            to 255. These pixels contribute to neither the loss, its gradient, nor the averaging
            denominator.
        normalization: Denominator of a mean under `tf.distribute`. `"replica"` (the default) divides by
            the labeled pixels of each replica, as Keras does; `"global"` by those of all replicas.
        averaging: How a mean treats labels of mixed depth. `"pixels"` (the default) averages the loss of each labeled
            pixel. `"depth"` averages the terms of the nodes at each depth `d` over the pixels labeled at least `d`
            deep, and sums these means over depths. Other pixels do not contribute at depth `d`, not even as negative
            examples. A leaf counts as labeled at every depth; a depth without pixels contributes 0. With
            `reduction=None`, the terms of depth `d` are multiplied by `n / n_d`, where `n` is the number of labeled
            pixels and `n_d` the number of those labeled at least `d` deep. With `"sum"`, the loss is the mean times
            `n`. Pixels are counted with their `class_weights`.
        reduction, name, dtype: As in `keras.losses.Loss`.

    Call arguments:
        y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`, in `[0, V)` or `ignore_class`.
        y_pred: Float node logits, `(B, H, W, V)`; or probabilities, with `from_logits=False`.
        sample_weight: Optional, `(B,)`, one weight per image, or `(B, H, W)`, one per pixel.

    Returns:
        Float loss per pixel in nats, `(B, H, W)`, from `call()`. Calling the object reduces it as set by
        `reduction`, by default to the mean over labeled pixels, weighted by `class_weights`. 0 if no pixel is labeled.
        NaN if a label is neither a node nor `ignore_class`.

    Raises:
        ValueError: If `y_pred` does not have `tree.num_nodes` channels, or clearly contains probabilities
            although `from_logits=True`; if `y_true` does not have one integer per pixel of `y_pred`; or if
            `sample_weight` does not have one weight per image or per pixel.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider")
    >>> loss = hs.losses.FocalTreeMin(tree)
    >>> model.compile("adam", loss=loss)
    >>> round(float(loss(np.array([[[0]]]), np.zeros((1, 1, 1, 3)))), 4)     # 3/4 log 2
    0.5199

    Reference:
        [Li et al., Deep Hierarchical Semantic Segmentation, CVPR 2022](
        https://arxiv.org/abs/2203.14335), eq. 6. The paper leaves the average over pixels and the
        gradient of ties open; here it is the mean over labeled pixels, and tied scores share the gradient equally.
    """

    scores = "nodes"

    def __init__(
        self,
        tree: ClassTree | str,
        gamma: float = 2.0,
        node_weights: NodeWeights | None = None,
        from_logits: bool = True,
        class_weights: NodeWeights | None = None,
        ignore_class: int = 255,
        normalization: Literal["replica", "global"] = "replica",
        averaging: Literal["pixels", "depth"] = "pixels",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "focal_tree_min",
        dtype: str | None = None,
    ):
        options = (from_logits, class_weights, ignore_class, normalization, averaging, reduction, name, dtype)
        super().__init__(tree, *options)
        self.gamma = check_not_negative(type(self).__name__, "gamma", gamma)
        self.node_weights = check_node_weights(type(self).__name__, "node_weights", node_weights, self.tree)

    def terms(self):
        return node_terms(self.tree, coherent_error_logits, self.gamma, self.node_weights)

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma, "node_weights": self.node_weights}
