"""What every loss along a tree shares: labels, ignored pixels, class weights, checks and configuration."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.losses.replicas import num_replicas, sum_over_replicas
from hierseg_keras.tree import as_class_tree, check_ignore_class
from hierseg_keras.tree.labels import IGNORED, label_codes, pixel_weights
from hierseg_keras.tree.ops import with_gradient
from hierseg_keras.tree.renamed_arguments import with_new_names
from hierseg_keras.tree.scores import Scores

# Fewer logits than this may all lie between 0 and 1 by chance.
_ENOUGH_LOGITS = 64
_CODES = "codes"


class TreeLoss(keras.losses.Loss):
    """Base class of the losses along a tree; a subclass owns the equation.

    A subclass sets `scores` and computes `pixel_losses(label, logits)` and `depth_losses`, where
    `label` holds a valid node index everywhere.

    Pixels labeled `ignore_class` contribute to neither the loss, its gradient, nor the averaging
    denominator. Under `reduction="sum_over_batch_size"` the loss is the mean over labeled pixels,
    weighted by `class_weights`; on several replicas of `tf.distribute` it is taken on each and then
    over the replicas, as Keras does it, or over the whole batch with `normalization="global"`:

        loss = sum_i s_i c_i l_i / sum_i c_i

    over labeled pixels `i` of loss `l_i`, sample weight `s_i` and class weight `c_i`. If no pixel is
    labeled, or all class weights are 0, the loss is 0. A label that is neither a node nor
    `ignore_class`, such as 0.5, makes the loss NaN, and so does a NaN score of a labeled pixel, unless
    it belongs to a node of which the label says nothing.

    Args:
        tree: `ClassTree`, or its text.
        from_logits: Whether `y_pred` holds logits, the default, or probabilities.
        class_weights: Optional `V` floats, or dict from nodes to floats.
        ignore_class: Integer label of pixels without one, outside `[0, V)`; may be negative.
            Defaults to 255.
        normalization: What a mean divides by: the labeled pixels of each `"replica"`, or those of
            all, `"global"`.
        reduction, name, dtype: As in `keras.losses.Loss`.
    """

    def __init__(
        self,
        tree,
        from_logits=True,
        class_weights=None,
        ignore_class=255,
        normalization="replica",
        reduction="sum_over_batch_size",
        name=None,
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        check_dtype(self)
        self.tree = as_class_tree(tree)
        if from_logits not in (True, False):
            raise ValueError(
                f"`{type(self).__name__}` expects `from_logits` to be True or False. Received: "
                f"from_logits={from_logits!r}."
            )
        self.from_logits = bool(from_logits)
        self.class_weights = self._check_node_weights("class_weights", class_weights)
        self.ignore_class = check_ignore_class(type(self).__name__, self.tree, ignore_class)
        if normalization not in ("replica", "global"):
            raise ValueError(
                f'`{type(self).__name__}` expects `normalization` to be "replica" or "global". '
                f"Received: normalization={normalization!r}."
            )
        self.normalization = normalization

    @property
    def scores(self):
        """`"nodes"` or `"leaves"`: which scores the loss takes."""
        raise NotImplementedError

    def pixel_losses(self, label, logits):
        """One value per pixel, `(B, H, W)`."""
        raise NotImplementedError

    def depth_losses(self, label, logits):
        """One value per pixel and depth, `(B, H, W, D)`."""
        raise NotImplementedError

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.convert_to_tensor(y_pred)
        codes = self._codes(y_true, y_pred)
        # In a dict, by which `call` knows labels that are read already. Keras makes floats of them, which hold codes.
        return super().__call__({_CODES: codes}, y_pred, self._pixel_weights(codes, sample_weight))

    def call(self, y_true, y_pred):
        return self._evaluate(self.pixel_losses, y_true, y_pred)[0]

    def per_depth(self, y_true, y_pred):
        """The loss's terms by depth, unweighted and unreduced.

        Args:
            y_true: As in `call`.
            y_pred: As in `call`.

        Returns:
            A pair: float tensor `(B, H, W, D)`, depth 1 (the coarsest) first, 0 at ignored
            pixels; and bool tensor `(B, H, W)`, true where a pixel is labeled.
        """
        return self._evaluate(self.depth_losses, y_true, y_pred)

    def _evaluate(self, function, y_true, y_pred):
        """The function's values, 0 at ignored pixels, and which pixels are labeled."""
        y_pred = ops.cast(y_pred, self.dtype)
        codes = ops.cast(y_true[_CODES], "int32") if isinstance(y_true, dict) else self._codes(y_true, y_pred)
        self._check_scores(y_pred)
        is_labeled, is_node = codes != IGNORED, codes >= 0
        logits = Scores(self.tree, self.scores, self.from_logits).logits(_without_ignored(y_pred, is_labeled))
        losses = function(ops.maximum(codes, 0), logits)
        rank = len(losses.shape) - len(codes.shape)
        is_node, mask = (ops.expand_dims(m, -1) if rank else m for m in (is_node, is_labeled))
        return ops.where(mask, ops.where(is_node, losses, float("nan")), 0.0), is_labeled

    def _codes(self, y_true, y_pred):
        Scores(self.tree, self.scores).check_channels(type(self).__name__, y_pred.shape)
        return label_codes(type(self).__name__, self.tree, self.ignore_class, y_true, y_pred)

    def _check_scores(self, y_pred):
        """Refuses what visibly holds probabilities where logits are expected."""
        if not self.from_logits:
            return
        scores = Scores(self.tree, self.scores)
        evidence = scores.evidence_of_probabilities(y_pred, at_least=_ENOUGH_LOGITS)
        if evidence:
            raise ValueError(
                f"`{type(self).__name__}` expects logits. Received: probabilities, as {evidence}. Pass "
                "from_logits=False."
            )

    def _pixel_weights(self, codes, sample_weight):
        """Weights that take ignored pixels out of Keras's own reduction, its denominator included."""
        weights = ops.cast(codes != IGNORED, self.dtype)
        if self.class_weights is not None:
            # A label outside the tree weighs something too, as its loss is NaN.
            of_class = ops.take(np.asarray(self.class_weights, self.dtype), ops.maximum(codes, 0), axis=0)
            weights = weights * ops.where(codes >= 0, of_class, 1.0)
        count = ops.sum(weights)
        if sample_weight is not None:
            weights = weights * pixel_weights(type(self).__name__, sample_weight, codes, self.dtype)
        if self.reduction in ("sum_over_batch_size", "mean"):
            # Keras divides by all pixels; this turns it into the labeled ones.
            size = ops.cast(ops.size(codes), self.dtype)
            if self.normalization == "global":
                count, size = sum_over_replicas(count), size * num_replicas()
            weights = weights * ops.divide_no_nan(size, count)
        return weights

    def _check_weights(self, argument, weights, length, what):
        """Weights as a plain list of floats, which a configuration can hold."""
        if weights is None:
            return None
        weights = np.asarray(weights, np.float64)
        if weights.shape != (length,) or not np.isfinite(weights).all() or (weights < 0).any():
            raise ValueError(
                f"`{type(self).__name__}` expects one finite weight >= 0 per {what} of `tree` ({length}). "
                f"Received: {argument}={weights.tolist()}."
            )
        return weights.tolist()

    def _check_node_weights(self, argument, weights):
        """The same of weights per node, which may be a dict; a node that is not in it weighs 1."""
        if isinstance(weights, dict):
            nodes = [self.tree.index(node) for node in weights]
            if len(set(nodes)) < len(nodes):
                raise ValueError(
                    f"`{type(self).__name__}` expects each node once in `{argument}`. Received: {argument}={weights!r}."
                )
            weights_of_nodes = np.ones(self.tree.num_nodes)
            weights_of_nodes[nodes] = list(weights.values())
            weights = weights_of_nodes
        return self._check_weights(argument, weights, self.tree.num_nodes, "node")

    def get_config(self):
        return {
            **super().get_config(),
            "tree": self.tree.to_text(),
            "from_logits": self.from_logits,
            "class_weights": self.class_weights,
            "ignore_class": self.ignore_class,
            "normalization": self.normalization,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**with_new_names(config))


def check_dtype(loss):
    """Refuses a loss in half precision, which does not hold every node's index."""
    if loss.dtype not in ("float32", "float64"):
        raise ValueError(
            f"`{type(loss).__name__}` expects to compute in float32 or float64, as Keras casts labels to the loss's "
            f"dtype. Received: dtype={loss.dtype}. Pass dtype='float32'; the model may be of any precision."
        )


def _without_ignored(y_pred, is_labeled):
    """`y_pred`, no gradient of which leaves an ignored pixel: not even where a NaN there would make it one."""

    def function(x):
        return x, lambda upstream: ops.where(is_labeled[..., None], upstream, 0.0)

    return with_gradient(function)(y_pred)
