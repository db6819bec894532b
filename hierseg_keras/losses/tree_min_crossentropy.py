"""The form of the losses released with HSSN: tree-min averaged per level, plus a softmax crossentropy per level."""

from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from hierseg_keras.losses.coherent_logits import coherent_error_logits
from hierseg_keras.losses.node_terms import node_terms
from hierseg_keras.losses.terms import TreeTerms
from hierseg_keras.losses.tree_loss import TreeLoss, pixel_losses
from hierseg_keras.losses.weights import NodeWeights, check_not_negative, check_weights
from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.tree.tensor import Tensor


def tree_min_crossentropy(
    tree: ClassTree | str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    gamma: float = 2.0,
    tree_min_weight: float = 5.0,
    level_weights: Sequence[float] | None = None,
    from_logits: bool = True,
    ignore_class: int = 255,
) -> Tensor:
    """Computes each pixel's focal tree-min terms, averaged per level, plus a crossentropy per level.

    Formula, with `t_v` the term of node `v` in `focal_tree_min`, `V_l` the nodes of level `l` (the
    leaves are those of level 1), `C_l` the classes of level `l` (`ClassTree.level_classes`) and
    `c_l` the one that holds the label:

        loss = sum_l w_l (tree_min_weight * mean_{v in V_l} t_v - log(exp(y_{c_l}) / sum_{c in C_l} exp(y_c)))

    Args:
        tree: `ClassTree`, or its text. Fixes the order of the last axis of `y_pred`.
        y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`, in `[0, V)` or `ignore_class`.
        y_pred: Float node logits, `(B, H, W, V)`; or probabilities, with `from_logits=False`.
        gamma: Focusing exponent, at least 0. Defaults to 2.
        tree_min_weight: Factor of the tree-min terms. Defaults to 5.
        level_weights: Optional `D` floats `w_l`, finest first. Defaults to ones.
        from_logits, ignore_class: As in `TreeMinCrossentropy`.

    Returns:
        Float loss per pixel in nats, `(B, H, W)`: float64 if `y_pred` is float64, otherwise float32. 0 if a pixel
        is ignored, and NaN if its label is neither a node nor `ignore_class`.

    Raises:
        ValueError: As in `TreeMinCrossentropy`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider")
    >>> loss = hs.losses.tree_min_crossentropy(tree, np.array([[[0]]]), np.zeros((1, 1, 1, 3)))
    >>> round(float(loss[0, 0, 0]), 3)     # 5 (1/4 + 1/4) log 2 + log 2
    2.426
    """
    tree, owner = as_class_tree(tree), "tree_min_crossentropy"
    gamma = check_not_negative(owner, "gamma", gamma)
    tree_min_weight = check_not_negative(owner, "tree_min_weight", tree_min_weight)
    level_weights = check_weights(owner, "level_weights", level_weights, tree.num_levels, "level")
    terms = level_terms(tree, gamma, tree_min_weight, level_weights)
    return pixel_losses(owner, tree, "nodes", terms, y_true, y_pred, from_logits, ignore_class)


def level_terms(tree, gamma, tree_min_weight, level_weights):
    """Returns the `TreeTerms` of the loss: those of the nodes, then one crossentropy per level, finest first."""
    levels = np.arange(1, tree.num_levels + 1)
    shares = tree_min_weight / np.bincount(tree.levels)[tree.levels]
    tree_min_terms = node_terms(tree, coherent_error_logits, gamma, None)

    def function(label, logits):
        share = ops.convert_to_tensor(shares[:, None], logits.dtype)
        of_nodes, nodes_backward = tree_min_terms.function(label, logits)
        rows = ops.swapaxes(logits, 0, 1)
        of_levels, levels_backward = zip(*(_level_crossentropy(tree, level, label, rows) for level in levels))

        def backward(upstream):
            to_nodes = nodes_backward(upstream[: tree.num_nodes] * share)
            to_levels = ops.unstack(upstream[tree.num_nodes :])
            to_rows = sum(backward(gradient) for backward, gradient in zip(levels_backward, to_levels))
            return to_nodes + ops.swapaxes(to_rows, 0, 1)

        return ops.concatenate([of_nodes * share, ops.stack(of_levels)]), backward

    # Level 1 is depth D.
    level_of = np.concatenate([tree.levels, levels])
    weights = None if level_weights is None else np.asarray(level_weights)[level_of - 1]
    return TreeTerms(function, tree.num_levels + 1 - level_of, weights)


def _level_crossentropy(tree, level, label, rows):
    """Computes the crossentropy of a softmax over the classes of a level, and its gradient.

    Args:
        tree: `ClassTree`.
        level: Integer, from 1.
        label: Integer node labels, `(N,)`.
        rows: Float node logits, `(V, N)`.

    Returns:
        A pair `(terms, backward)`. `terms` is a float tensor, `(N,)`, 0 where the label has no class at the level.
        `backward` maps its gradient to that of `rows`.
    """
    classes, table = tree.level_classes(level), tree.level_table[level - 1]
    position = ops.take(np.where(table >= 0, np.searchsorted(classes, table), -1).astype("int32"), label, axis=0)
    of_classes = ops.take(rows, classes, axis=0)
    is_target = np.arange(len(classes), dtype="int32")[:, None] == position
    log_sum = ops.logsumexp(of_classes, axis=0)
    target = ops.sum(ops.where(is_target, of_classes, 0.0), axis=0)
    has_class = position >= 0
    # The rows of other nodes are taken from one row of zeros behind those of the classes.
    place = np.full(tree.num_nodes, len(classes), "int32")
    place[classes] = np.arange(len(classes))

    def backward(upstream):
        softmax = ops.exp(of_classes - log_sum)
        gradient = ops.where(has_class, upstream, 0.0) * (softmax - ops.cast(is_target, softmax.dtype))
        return ops.take(ops.concatenate([gradient, ops.zeros_like(gradient[:1])]), place, axis=0)

    return ops.where(has_class, log_sum - target, 0.0), backward


@keras.saving.register_keras_serializable("hierseg_keras")
class TreeMinCrossentropy(TreeLoss):
    """Computes the focal tree-min loss, averaged per level and weighted, plus a crossentropy per level.

    The losses of the code released with HSSN have this form. Use it to compare with networks trained by that code,
    whose values differ from the defaults. For Cityscapes, the code uses no focal factor:
    `TreeMinCrossentropy(tree, gamma=0)`. For PASCAL-Person-Part and LIP, it uses
    `TreeMinCrossentropy(tree, tree_min_weight=0.5)` plus half of `RegionMutualInformation`, which `WeightedSum` adds.
    The crossentropies apply a softmax over the classes of each level to the same node logits. From scratch, they train
    faster than a sigmoid per node.

    Formula, with `t_v` the term of node `v` in `FocalTreeMin`, `V_l` the nodes of level `l` (the
    leaves are those of level 1), `C_l` the classes of level `l` (`ClassTree.level_classes`) and
    `c_l` the one that holds the label:

        loss = sum_l w_l (tree_min_weight * mean_{v in V_l} t_v - log(exp(y_{c_l}) / sum_{c in C_l} exp(y_c)))

    A label at an internal node above a level does not contribute to the crossentropy of that level.

    Args:
        tree: `ClassTree`, or its text. Fixes the order of the last axis of `y_pred`.
        gamma: Focusing exponent, at least 0. Defaults to 2.
        tree_min_weight: Factor of the tree-min terms. Defaults to 5.
        level_weights: Optional `D` floats `w_l`, finest first. Defaults to ones.
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
            pixel. `"depth"` averages the tree-min terms and the crossentropy of each level `l` over the pixels that
            have a class `c_l`, and sums these means over levels. Pixels labeled above level `l` do not contribute at
            this level. A leaf has a class at every level; a level without pixels contributes 0. With `reduction=None`,
            the terms of level `l` are multiplied by `n / n_l`, where `n` is the number of labeled pixels and `n_l` the
            number of those that have a class `c_l`. With `"sum"`, the loss is the mean times `n`. Pixels are counted
            with their `class_weights`.
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
    >>> loss = hs.losses.TreeMinCrossentropy(tree)
    >>> round(float(loss(np.array([[[0]]]), np.zeros((1, 1, 1, 3)))), 4)     # 5 (1/4 + 1/4) log 2 + log 2
    2.426

    Reference:
        The code released with [Li et al., CVPR 2022](https://arxiv.org/abs/2203.14335). The loss in
        the paper is different: `FocalTreeMin` with `TreeTriplet`. The recipes
        `hssn_released_cityscapes_deeplabv3plus_r101`, `hssn_released_pascal_person_part_deeplabv3plus_r101`
        and `hssn_released_lip_deeplabv3plus_r101` train as the code does.
    """

    scores = "nodes"

    def __init__(
        self,
        tree: ClassTree | str,
        gamma: float = 2.0,
        tree_min_weight: float = 5.0,
        level_weights: Sequence[float] | None = None,
        from_logits: bool = True,
        class_weights: NodeWeights | None = None,
        ignore_class: int = 255,
        normalization: Literal["replica", "global"] = "replica",
        averaging: Literal["pixels", "depth"] = "pixels",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tree_min_crossentropy",
        dtype: str | None = None,
    ):
        options = (from_logits, class_weights, ignore_class, normalization, averaging, reduction, name, dtype)
        super().__init__(tree, *options)
        owner = type(self).__name__
        self.gamma = check_not_negative(owner, "gamma", gamma)
        self.tree_min_weight = check_not_negative(owner, "tree_min_weight", tree_min_weight)
        self.level_weights = check_weights(owner, "level_weights", level_weights, self.tree.num_levels, "level")

    def terms(self):
        return level_terms(self.tree, self.gamma, self.tree_min_weight, self.level_weights)

    def get_config(self):
        config = {"gamma": self.gamma, "tree_min_weight": self.tree_min_weight, "level_weights": self.level_weights}
        return {**super().get_config(), **config}
