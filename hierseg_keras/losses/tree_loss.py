"""The base class of the losses on a class tree, and their checks of labels and scores."""

from typing import Literal

import keras
import numpy as np
from keras import ops

from hierseg_keras.arguments.renamed_arguments import with_new_names
from hierseg_keras.distribution.replicas import num_replicas, sum_over_replicas
from hierseg_keras.losses.terms import labeled_depths, reaches_depths, sum_by_depth, weighted_sum
from hierseg_keras.losses.weights import NodeWeights, check_node_weights
from hierseg_keras.tree import ClassTree, as_class_tree, check_ignore_class
from hierseg_keras.tree.labels import CODES, IGNORED, is_read, label_codes, pixel_weights
from hierseg_keras.tree.not_converted import not_converted
from hierseg_keras.tree.ops import with_gradient
from hierseg_keras.tree.scores import Scores

# The key of the factors of depths, beside the codes of labels in the dict that Keras passes from a loss to its `call`.
_DEPTH_FACTORS = "depth_factors"
# Fewer logits than this may all lie between 0 and 1 by chance.
_ENOUGH_LOGITS = 64


@not_converted
def pixel_losses(owner, tree, scores, terms, y_true, y_pred, from_logits, ignore_class, factors=None):
    """Computes the weighted sum of the terms of each pixel.

    Args:
        owner: Name of the loss, for errors.
        tree: `ClassTree`.
        scores: Type of the scores in `y_pred`: `"nodes"` or `"leaves"`.
        terms: `TreeTerms`.
        y_true, y_pred, from_logits, ignore_class: The arguments of the loss.
        factors: As in `weighted_sum`. Defaults to `None`.

    Returns:
        Float tensor, `(B, H, W)`: float64 if `y_pred` is float64, otherwise float32.
    """
    codes, logits = _codes_and_logits(owner, tree, scores, y_true, y_pred, from_logits, ignore_class)
    return weighted_sum(tree, terms, codes, logits, factors)


def _codes_and_logits(owner, tree, scores, y_true, y_pred, from_logits, ignore_class):
    y_pred = ops.convert_to_tensor(y_pred)
    codes = read_labels(owner, tree, scores, y_true, y_pred, from_logits, ignore_class)
    y_pred = ops.cast(y_pred, precision_of(y_pred))
    if not from_logits:
        y_pred = _without_ignored(y_pred, codes != IGNORED)
    return codes, Scores(tree, scores, from_logits).logits(y_pred)


def read_labels(owner, tree, scores, y_true, y_pred, from_logits, ignore_class):
    """Checks labels and scores, and returns the labels' codes (see `tree.labels`).

    Args:
        owner, tree, scores, y_true, y_pred, from_logits, ignore_class: As in `pixel_losses`. If `y_true` already
            contains codes, nothing is checked again.

    Returns:
        Int32 codes, `(B, H, W)`.
    """
    if not is_read(y_true):
        check_ignore_class(owner, tree, ignore_class)
        Scores(tree, scores).check_channels(owner, y_pred.shape)
        if check_from_logits(owner, from_logits):
            _refuse_probabilities(owner, Scores(tree, scores), y_pred)
    return label_codes(owner, tree, ignore_class, y_true, y_pred)


class TreeLoss(keras.losses.Loss):
    """Base class of the losses on a class tree.

    A subclass sets `scores`, and implements `terms`.

    Pixels labeled `ignore_class` contribute to neither the loss, its gradient, nor the averaging
    denominator. Formula of the mean under `reduction="sum_over_batch_size"`, over labeled pixels `i`
    with loss `l_i`, sample weight `s_i` and class weight `c_i`:

        loss = sum_i s_i c_i l_i / sum_i c_i

    With `averaging="depth"`, the terms `l_{i,d}` of each depth `d` are averaged over the pixels `i` that are
    labeled at least `d` deep (`m_{i,d} = 1`; a leaf counts as labeled at every depth), and other pixels
    (`m_{i,d} = 0`) do not contribute at this depth:

        loss = sum_d (sum_i s_i c_i m_{i,d} l_{i,d} / sum_i c_i m_{i,d})

    A depth without such pixels contributes 0. The value per pixel is then
    `l_i = sum_d m_{i,d} l_{i,d} sum_j c_j / sum_j c_j m_{j,d}`, whose mean by the formula above is this loss. `call`
    returns it, `reduction=None` multiplies it by the weights of the pixel, and `"sum"` is the sum of these
    products: the loss times `sum_i c_i`. `"mean_with_sample_weight"` has `s_i c_i` in place of `c_i` in both
    denominators.

    On several replicas of `tf.distribute`, Keras computes this mean per replica, and then the mean over
    replicas. With `normalization="global"`, it is the mean over the whole batch. If no pixel is labeled,
    or all class weights are 0, the loss is 0. The loss is NaN if a label is neither a node nor
    `ignore_class`, such as 0.5. It is also NaN if a score of a labeled pixel is NaN, unless the label
    leaves the node of that score unknown.

    Args:
        tree: `ClassTree`, or its text.
        from_logits: Whether `y_pred` contains logits (the default) or probabilities.
        class_weights: Optional `V` floats, or dict from nodes to floats; missing nodes weigh 1.
        ignore_class: Integer label of unlabeled pixels, outside `[0, V)`; may be negative.
            Defaults to 255.
        normalization: Denominator of a mean under `tf.distribute`: `"replica"` (the default) divides by
            the labeled pixels of each replica, and `"global"` by those of all replicas, which
            `reduction="mean_with_sample_weight"` cannot.
        averaging: `"pixels"` (the default) for the mean of the pixels' losses, or `"depth"` for the sum of the mean
            terms of each depth.
        reduction, name, dtype: As in `keras.losses.Loss`.
    """

    def __init__(
        self,
        tree: ClassTree | str,
        from_logits: bool = True,
        class_weights: NodeWeights | None = None,
        ignore_class: int = 255,
        normalization: Literal["replica", "global"] = "replica",
        averaging: Literal["pixels", "depth"] = "pixels",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        check_dtype(self)
        self.tree = as_class_tree(tree)
        self.from_logits = check_from_logits(type(self).__name__, from_logits)
        self.class_weights = check_node_weights(type(self).__name__, "class_weights", class_weights, self.tree)
        self.ignore_class = check_ignore_class(type(self).__name__, self.tree, ignore_class)
        if averaging not in ("pixels", "depth"):
            raise ValueError(
                f'`{type(self).__name__}` expects `averaging` to be "pixels" or "depth". '
                f"Received: averaging={averaging!r}."
            )
        self.normalization = check_normalization(type(self).__name__, normalization, reduction)
        self.averaging = averaging

    @property
    def scores(self):
        """Type of the scores that the loss expects: `"nodes"` or `"leaves"`."""
        raise NotImplementedError

    def terms(self):
        """Returns the `TreeTerms` whose weighted sum is the loss of a pixel."""
        raise NotImplementedError

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = self.read(y_true, ops.convert_to_tensor(y_pred))
        codes = y_true[CODES]
        class_weights = self._class_weights(codes)
        weights = class_weights
        if sample_weight is not None:
            weights = weights * pixel_weights(type(self).__name__, sample_weight, codes, self.dtype)
        if self.averaging == "depth":
            counted = weights if self.reduction == "mean_with_sample_weight" else class_weights
            y_true = {**y_true, _DEPTH_FACTORS: self._depth_factors(codes, counted)}
        if self.reduction in ("sum_over_batch_size", "mean"):
            weights = weights * mean_factor(class_weights, self.normalization)
        # Keras casts the codes to the loss's dtype, which holds them.
        return super().__call__(y_true, y_pred, weights)

    def call(self, y_true, y_pred):
        y_true, y_pred = self.read(y_true, y_pred)
        factors = None
        if self.averaging == "depth":
            factors = y_true.get(_DEPTH_FACTORS)
            if factors is None:
                codes = ops.cast(y_true[CODES], "int32")
                factors = self._depth_factors(codes, self._class_weights(codes))
        options = (self.from_logits, self.ignore_class, factors)
        return pixel_losses(type(self).__name__, self.tree, self.scores, self.terms(), y_true, y_pred, *options)

    def read(self, y_true, y_pred):
        """Checks labels and scores under this class's name.

        Returns:
            A pair: the checked labels, as codes that are not checked again; and `y_pred` in the dtype of the loss.
        """
        if not is_read(y_true):
            y_pred = ops.convert_to_tensor(y_pred)
            options = (self.from_logits, self.ignore_class)
            y_true = {CODES: read_labels(type(self).__name__, self.tree, self.scores, y_true, y_pred, *options)}
        return y_true, ops.cast(y_pred, self.dtype)

    def per_depth(self, y_true, y_pred):
        """Computes the terms of the loss per pixel and depth, without weights, reduction or gradient.

        Args:
            y_true: As in `call`.
            y_pred: As in `call`.

        Returns:
            A pair: a float tensor `(B, H, W, D)`, depth 1 (the coarsest) first; and a bool tensor that
            broadcasts to it, true for the pixels over which the terms of a depth are averaged: all labeled pixels, or
            with `averaging="depth"` those labeled at least as deep. The terms of other pixels are 0.
        """
        y_true, y_pred = self.read(y_true, y_pred)
        options = (self.from_logits, self.ignore_class)
        codes, logits = _codes_and_logits(type(self).__name__, self.tree, self.scores, y_true, y_pred, *options)
        terms, is_counted = sum_by_depth(self.tree, self.terms(), codes, logits), (codes != IGNORED)[..., None]
        if self.averaging == "depth":
            depths = np.arange(1, self.tree.num_levels + 1)
            reaches = ops.moveaxis(reaches_depths(self.tree, ops.maximum(codes, 0), depths), 0, -1)
            terms, is_counted = terms * ops.cast(reaches, terms.dtype), ops.logical_and(is_counted, reaches)
        return terms, is_counted

    def _class_weights(self, codes):
        """Returns the weight of each pixel in a denominator: 0 if it is ignored, otherwise that of its class."""
        weights = ops.cast(codes != IGNORED, self.dtype)
        if self.class_weights is not None:
            # A label outside the tree has weight 1, so that its NaN reaches the loss.
            of_class = ops.take(np.asarray(self.class_weights, self.dtype), ops.maximum(codes, 0), axis=0)
            weights = weights * ops.where(codes >= 0, of_class, 1.0)
        return weights

    def _depth_factors(self, codes, weights):
        """Returns the factors, `(D,)`, that make a mean over all labeled pixels one over those labeled `d` deep.

        Args:
            codes: Int32 codes, `(B, H, W)`.
            weights: Float tensor, `(B, H, W)`, the weight of each pixel in the denominator; 0 at ignored pixels.
        """
        depths = labeled_depths(self.tree, ops.maximum(codes, 0))
        # One sum per depth, as exact as that of `mean_factor`. A sum over the rows of `(..., D)` would be less exact.
        counts = [ops.sum(ops.where(depths >= d, weights, 0.0)) for d in range(1, self.tree.num_levels + 1)]
        counts = ops.stack(counts)
        if self.normalization == "global":
            counts = sum_over_replicas(counts)
        return ops.divide_no_nan(counts[0], counts)

    def get_config(self):
        return {
            **super().get_config(),
            "tree": self.tree.to_text(),
            "from_logits": self.from_logits,
            "class_weights": self.class_weights,
            "ignore_class": self.ignore_class,
            "normalization": self.normalization,
            "averaging": self.averaging,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**with_new_names(config))


def check_dtype(loss):
    """Rejects a loss in half precision, which cannot represent the index of every node."""
    if loss.dtype not in ("float32", "float64"):
        raise ValueError(
            f"`{type(loss).__name__}` expects dtype float32 or float64, because Keras casts labels to the dtype of the "
            f"loss. Received: dtype={loss.dtype}. Pass dtype='float32'; the model may have any precision."
        )


def check_normalization(owner, normalization, reduction):
    """Checks the denominator of a mean under `tf.distribute`, and returns it."""
    if normalization not in ("replica", "global"):
        raise ValueError(
            f'`{owner}` expects `normalization` to be "replica" or "global". Received: normalization={normalization!r}.'
        )
    if normalization == "global" and reduction == "mean_with_sample_weight":
        raise ValueError(
            f'`{owner}` expects `normalization` to be "replica" with `reduction="mean_with_sample_weight"`, which '
            'Keras computes per replica. Received: normalization="global".'
        )
    return normalization


def mean_factor(weights, normalization):
    """Returns the factor that corrects Keras's denominator of a mean, the number of values, to the sum of weights.

    Args:
        weights: Float tensor, the weight of each value in the denominator: 0 if it has no label.
        normalization: `"replica"` or `"global"`.
    """
    count, size = ops.sum(weights), ops.cast(ops.size(weights), weights.dtype)
    if normalization == "global":
        count, size = sum_over_replicas(count), size * num_replicas()
    return ops.divide_no_nan(size, count)


def check_from_logits(owner, from_logits):
    """Checks that `from_logits` is Boolean, and returns it."""
    if from_logits not in (True, False):
        raise ValueError(f"`{owner}` expects `from_logits` to be True or False. Received: from_logits={from_logits!r}.")
    return bool(from_logits)


def _refuse_probabilities(owner, scores, y_pred):
    """Raises an error if `y_pred` clearly contains probabilities although logits are expected."""
    evidence = scores.evidence_of_probabilities(y_pred, at_least=_ENOUGH_LOGITS)
    if evidence:
        raise ValueError(
            f"`{owner}` expects logits. Received: probabilities, because {evidence}. Pass from_logits=False."
        )


def precision_of(y_pred):
    """Returns the dtype in which a loss is computed: float64 if the prediction is float64, otherwise float32."""
    return "float64" if keras.backend.standardize_dtype(y_pred.dtype) == "float64" else "float32"


def _without_ignored(y_pred, is_labeled):
    """Returns `y_pred` with a gradient of 0 at ignored pixels, even if their scores are NaN."""

    def function(x):
        return x, lambda upstream: ops.where(is_labeled[..., None], upstream, 0.0)

    return with_gradient(function)(y_pred)
