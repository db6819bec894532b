"""Cross-entropy summed over the depths of a class tree (Muller & Smith, 2020)."""

import functools
from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from hierseg_keras.losses.terms import TreeTerms
from hierseg_keras.losses.tree_loss import TreeLoss, pixel_losses
from hierseg_keras.losses.weights import NodeWeights, check_weights
from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.tree.families import families_of, internal_ancestors
from hierseg_keras.tree.ops import kept, lazy_where, pick_row
from hierseg_keras.tree.tensor import Tensor

# A probability above exp(-_FAR) is a sum of `exp(logit - largest)` that float32 holds in full.
_FAR = 60.0
# Stands for the logarithm of an empty sum: far below any difference of logits, and finite.
_EMPTY = -1e30


def hierarchical_crossentropy(
    tree: ClassTree | str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    depth_weights: Sequence[float] | None = None,
    from_logits: bool = True,
    ignore_class: int = 255,
) -> Tensor:
    """Computes the crossentropy of each pixel, summed over the depths of a tree; see `HierarchicalCrossentropy`.

    Formula, for a pixel whose label has the ancestor `c_d` at depth `d`:

        loss = sum_d w_d * -log p(c_d),    p(c) = sum of softmax(y_pred)[k] over the leaves k below c

    Args:
        tree: `ClassTree`, or its text. Fixes the order of the last axis of `y_pred`.
        y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`, in `[0, V)` or `ignore_class`.
        y_pred: Float leaf logits, `(B, H, W, L)`; or probabilities, with `from_logits=False`.
        depth_weights, from_logits, ignore_class: As in `HierarchicalCrossentropy`.

    Returns:
        Float loss per pixel in nats, `(B, H, W)`: float64 if `y_pred` is float64, otherwise float32. 0 if a pixel
        is ignored, and NaN if its label is neither a node nor `ignore_class`.

    Raises:
        ValueError: As in `HierarchicalCrossentropy`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> logits = np.log([[[[0.5, 0.3, 0.2]]]])
    >>> loss = hs.losses.hierarchical_crossentropy(tree, np.array([[[0]]]), logits)
    >>> round(float(loss[0, 0, 0]), 4)     # person: -log 0.8 - log 0.5
    0.9163
    """
    tree, owner = as_class_tree(tree), "hierarchical_crossentropy"
    depth_weights = check_weights(owner, "depth_weights", depth_weights, tree.num_levels, "depth")
    terms = depth_terms(tree, depth_weights)
    return pixel_losses(owner, tree, "leaves", terms, y_true, y_pred, from_logits, ignore_class)


def depth_terms(tree, depth_weights):
    """Returns the `TreeTerms` of the loss, one per depth."""
    depths = np.arange(1, tree.num_levels + 1)
    return TreeTerms(functools.partial(depth_crossentropies, tree), depths, depth_weights)


def depth_crossentropies(tree, label, logits):
    """Computes `-log p(c_d)` at every depth `d`, where `c_d` is the label's ancestor at that depth.

    Formula, with the largest logit `b` and the sum `S` of `exp(logits - b)` over all leaves, and with
    `b_C` and `S_C` over the leaves below `c_d`:

        -log p(c_d) = (b - b_C) + (log S - log S_C)

    No probability is rounded to 0. If no label is extremely unlikely, which holds except in a diverging
    training, `b` replaces `b_C`, and all sums share one exponential.

    Args:
        tree: `ClassTree`.
        label: Integer node labels, `(N,)`, in `[0, V)`.
        logits: Float leaf logits, `(N, L)`.

    Returns:
        A pair `(terms, backward)`. `terms` is a float tensor, `(D, N)`, depth 1 (the coarsest) first. If the label is
        an internal node, the values at deeper depths are 0. `backward` maps its gradient to that of `logits`.
    """
    families = families_of(tree)
    (logits,) = kept(ops.swapaxes(logits, 0, 1))
    largest = ops.max(logits, axis=0)
    (exp,) = kept(ops.exp(logits - largest))
    *sums, total = families.sums(exp)
    total = total[0]
    label_logit = pick_row(logits, ops.take(_any_leaf(tree), label, axis=0))
    leaf_cost = largest - label_logit + ops.log(total)
    is_far = ops.any(largest - label_logit > _FAR)
    is_leaf = label < tree.num_leaves

    # Per depth except the last: the label's internal ancestor (its family), if any, and the sum over its leaves.
    ancestors = [ops.take(nodes, label, axis=0) for nodes in internal_ancestors(tree)]
    has_family = [node >= 0 for node in ancestors]
    first = [families.nodes(i)[0, 0] for i in range(len(sums))]
    parts = [
        ops.where(has, pick_row(block, ops.maximum(node - start, 0)), 1)
        for has, node, block, start in zip(has_family, ancestors, sums[::-1], first[::-1])
    ]

    def inside():
        return [nodes[: tree.num_leaves, None] == node for nodes, node in zip(tree.depth_table, ancestors)]

    def far_costs():
        shifted = logits - largest
        return [ops.log(total) - ops.logsumexp(ops.where(i, shifted, _EMPTY), axis=0) for i in inside()]

    def backward(upstream):
        *by_depth, to_leaf = [ops.where(is_leaf, gradient, 0) for gradient in ops.unstack(upstream)]
        by_depth = list(zip(has_family, ops.unstack(upstream), by_depth))
        to_families = [ops.where(has, gradient, 0) for has, gradient, _ in by_depth]
        to_leaf = to_leaf + sum(ops.where(has, 0, of_leaf) for has, _, of_leaf in by_depth)
        to_all = to_leaf + sum(to_families)

        def near():
            shares = [gradient / part for gradient, part in zip(to_families, parts)]
            blocks = [
                ops.where(families.nodes(i) == node, share, 0)
                for i, (node, share) in enumerate(zip(ancestors[::-1], shares[::-1]))
            ]
            return exp * families.to_leaves_from_above(blocks, to_all / total)

        def far():
            flow = to_all * _softmax(logits)
            for is_inside, gradient in zip(inside(), to_families):
                flow = flow - gradient * _softmax(ops.where(is_inside, logits, _EMPTY))
            return flow

        flow = lazy_where(is_far, far, near())
        return ops.swapaxes(ops.where(families.leaves == label, flow - to_leaf, flow), 0, 1)

    leaf_cost = ops.where(is_leaf, leaf_cost, 0)
    family_costs = lazy_where(is_far, far_costs, [ops.log(total) - ops.log(part) for part in parts])
    terms = [ops.where(has, cost, leaf_cost) for has, cost in zip(has_family, family_costs)]
    return ops.stack([*terms, leaf_cost]), backward


def _softmax(rows):
    return ops.exp(rows - ops.logsumexp(rows, axis=0))


@functools.lru_cache(maxsize=32)
def _any_leaf(tree):
    """Returns one leaf at or below each node, int32 `(V,)`."""
    return np.argmax(tree.ancestor_matrix[:, : tree.num_leaves], axis=1).astype(np.int32)


@keras.saving.register_keras_serializable("hierseg_keras")
class HierarchicalCrossentropy(TreeLoss):
    """Computes crossentropy at every depth of a class tree.

    The probability of a node is the sum over its leaves, so that confusing two classes with a common
    parent costs less than confusing classes of different groups. It works with any softmax
    segmentation network without changing the network.

    Formula, for a pixel whose label has the ancestor `c_d` at depth `d`:

        loss = sum_d w_d * -log p(c_d),    p(c) = sum of softmax(y_pred)[k] over the leaves k below c

    A leaf at a depth less than `D` also represents itself at all deeper depths. For a label at an
    internal node of depth `k`, the sum is over depths `1 .. k`.

    Args:
        tree: `ClassTree`, or its text. Fixes the order of the last axis of `y_pred`.
        depth_weights: Optional `D` floats `w_d`, depth 1 (the coarsest) first. Defaults to ones.
        from_logits: Whether `y_pred` contains logits (the default) or probabilities after a softmax. The loss
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
            pixel. `"depth"` averages the term of each depth `d` over the pixels labeled at least `d` deep, and sums
            these means over depths. A leaf counts as labeled at every depth; a depth without pixels contributes 0. With
            `reduction=None`, the terms of depth `d` are multiplied by `n / n_d`, where `n` is the number of labeled
            pixels and `n_d` the number of those labeled at least `d` deep. With `"sum"`, the loss is the mean times
            `n`. Pixels are counted with their `class_weights`.
        reduction, name, dtype: As in `keras.losses.Loss`.

    Call arguments:
        y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`, in `[0, V)` or `ignore_class`.
        y_pred: Float leaf logits, `(B, H, W, L)`; or probabilities, with `from_logits=False`.
        sample_weight: Optional, `(B,)`, one weight per image, or `(B, H, W)`, one per pixel.

    Returns:
        Float loss per pixel in nats, `(B, H, W)`, from `call()`. Calling the object reduces it as set by
        `reduction`, by default to the mean over labeled pixels, weighted by `class_weights`. 0 if no pixel is labeled.
        NaN if a label is neither a node nor `ignore_class`.

    Raises:
        ValueError: If `y_pred` does not have `tree.num_leaves` channels, or clearly contains probabilities
            although `from_logits=True`; if `y_true` does not have one integer per pixel of `y_pred`; or if
            `sample_weight` does not have one weight per image or per pixel.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> loss = hs.losses.HierarchicalCrossentropy(tree)
    >>> logits = np.log([[[[0.5, 0.3, 0.2]]]])
    >>> round(float(loss(np.array([[[0]]]), logits)), 4)     # person: -log 0.8 - log 0.5
    0.9163
    >>> round(float(loss(np.array([[[3]]]), logits)), 4)     # the internal node human: -log 0.8
    0.2231

    Reference:
        [Muller & Smith, A Hierarchical Loss for Semantic Segmentation, VISAPP 2020](
        https://doi.org/10.5220/0008946002600267), eq. 1-4. In contrast to the paper, a label may be
        an internal node, and depths may have weights; the paper's are 1, the default. Its text leaves the
        average over pixels open; here it is the mean over labeled pixels.
    """

    scores = "leaves"

    def __init__(
        self,
        tree: ClassTree | str,
        depth_weights: Sequence[float] | None = None,
        from_logits: bool = True,
        class_weights: NodeWeights | None = None,
        ignore_class: int = 255,
        normalization: Literal["replica", "global"] = "replica",
        averaging: Literal["pixels", "depth"] = "pixels",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "hierarchical_crossentropy",
        dtype: str | None = None,
    ):
        options = (from_logits, class_weights, ignore_class, normalization, averaging, reduction, name, dtype)
        super().__init__(tree, *options)
        owner = type(self).__name__
        self.depth_weights = check_weights(owner, "depth_weights", depth_weights, self.tree.num_levels, "depth")

    def terms(self):
        return depth_terms(self.tree, self.depth_weights)

    def get_config(self):
        return {**super().get_config(), "depth_weights": self.depth_weights}
