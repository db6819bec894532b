"""What every loss along a tree shares: labels, ignored pixels, checks and configuration."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.losses.replicas import num_replicas, sum_over_replicas
from hierseg_keras.tree import as_class_tree, check_ignore_class
from hierseg_keras.tree.ops import with_gradient


class TreeLoss(keras.losses.Loss):
    """Base class of the losses along a tree; a subclass owns the equation.

    A subclass sets `num_channels` and computes `pixel_losses(label, y_pred)` and `depth_losses`,
    where `label` holds a valid node index everywhere.

    Pixels labelled `ignore_class` leave value, gradient and denominator. Under
    `reduction="sum_over_batch_size"` the loss is the mean over labelled pixels; on several
    replicas of `tf.distribute` it is taken on each and then over the replicas, as Keras does it,
    or over the whole batch where `normalization="global"`.
    Where no pixel is labelled the loss is 0. A label that is neither a node nor `ignore_class`
    makes the loss NaN, and so does a NaN logit of a labelled pixel, unless it belongs to a node
    of which the label says nothing: neither trains unseen.

    Args:
        tree: `ClassTree`, or its text.
        ignore_class: Integer label of pixels without one, outside `[0, V)`; may be negative.
            Defaults to 255.
        normalization: What a mean divides by: the labelled pixels of each `"replica"`, or those of
            all, `"global"`.
        reduction, name, dtype: As in `keras.losses.Loss`.
    """

    def __init__(
        self,
        tree,
        ignore_class=255,
        normalization="replica",
        reduction="sum_over_batch_size",
        name=None,
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.tree = as_class_tree(tree)
        self.ignore_class = check_ignore_class(type(self).__name__, self.tree, ignore_class)
        if normalization not in ("replica", "global"):
            raise ValueError(
                f'`{type(self).__name__}` expects `normalization` to be "replica" or "global". '
                f"Received: normalization={normalization!r}."
            )
        self.normalization = normalization
        if self.dtype not in ("float32", "float64"):
            raise ValueError(
                f"`{type(self).__name__}` expects to compute in float32 or float64, as Keras casts labels to the "
                f"loss's dtype. Received: dtype={self.dtype}. Pass dtype='float32'; the model may be of any precision."
            )

    @property
    def num_channels(self):
        raise NotImplementedError

    def pixel_losses(self, label, y_pred):
        """One value a pixel, `(B, H, W)`."""
        raise NotImplementedError

    def depth_losses(self, label, y_pred):
        """One value a pixel and depth, `(B, H, W, D)`."""
        raise NotImplementedError

    def __call__(self, y_true, y_pred, sample_weight=None):
        return super().__call__(y_true, y_pred, self._pixel_weights(y_true, sample_weight))

    def call(self, y_true, y_pred):
        return self._evaluate(self.pixel_losses, y_true, y_pred)[0]

    def per_depth(self, y_true, y_pred):
        """The loss's terms by depth, unweighted and unreduced.

        Args:
            y_true: As in `call`.
            y_pred: As in `call`.

        Returns:
            A pair: float tensor `(B, H, W, D)`, depth 1 (the coarsest) first, 0 at ignored
            pixels; and bool tensor `(B, H, W)`, true where a pixel is labelled.
        """
        return self._evaluate(self.depth_losses, y_true, y_pred)

    def _evaluate(self, function, y_true, y_pred):
        """The function's values, 0 at ignored pixels, and which pixels are labelled."""
        y_pred = ops.cast(y_pred, self.dtype)
        label = self._integer_labels(y_true)
        self._check_shapes(label, y_pred)
        is_labelled = label != self.ignore_class
        is_node = ops.logical_and(label >= 0, label < self.tree.num_nodes)
        losses = function(ops.where(is_node, label, 0), _without_ignored(y_pred, is_labelled))
        rank = len(losses.shape) - len(label.shape)
        is_node, mask = (ops.expand_dims(m, -1) if rank else m for m in (is_node, is_labelled))
        return ops.where(mask, ops.where(is_node, losses, float("nan")), 0.0), is_labelled

    def _pixel_weights(self, y_true, sample_weight):
        """Weights that take ignored pixels out of Keras's own reduction, its denominator included."""
        is_labelled = ops.cast(self._integer_labels(y_true) != self.ignore_class, self.dtype)
        weights = is_labelled
        if sample_weight is not None:
            weights = weights * self._one_weight_a_pixel(sample_weight)
        if self.reduction in ("sum_over_batch_size", "mean"):
            # Keras divides by all pixels; this turns it into the labelled ones.
            count, size = ops.sum(is_labelled), ops.cast(ops.size(is_labelled), self.dtype)
            if self.normalization == "global":
                count, size = sum_over_replicas(count), size * num_replicas()
            weights = weights * ops.divide_no_nan(size, count)
        return weights

    def _one_weight_a_pixel(self, sample_weight):
        """Weights of whole images, `(B,)`, reach every pixel of theirs."""
        sample_weight = ops.cast(sample_weight, self.dtype)
        if len(sample_weight.shape) == 1:
            return ops.reshape(sample_weight, (-1, 1, 1))
        if len(sample_weight.shape) == 2:
            raise ValueError(
                f"`{type(self).__name__}` expects one weight per image, (B,), or per pixel, (B, H, W). "
                f"Received: sample_weight.shape={tuple(sample_weight.shape)}."
            )
        return without_channel(sample_weight)

    @staticmethod
    def _integer_labels(y_true):
        return without_channel(ops.cast(y_true, "int32"))

    def _check_shapes(self, label, y_pred):
        name, labels, logits = type(self).__name__, tuple(label.shape), tuple(y_pred.shape)
        if logits[-1] != self.num_channels:
            raise ValueError(
                f"`{name}` expects one channel per {'leaf' if self.num_channels == self.tree.num_leaves else 'node'} "
                f"of `tree` ({self.num_channels}). Received: y_pred.shape={logits}. {self._what_to_do(logits[-1])}"
            )
        differ = any(None not in pair and pair[0] != pair[1] for pair in zip(labels, logits))
        if len(labels) != len(logits) - 1 or differ:
            raise ValueError(
                f"`{name}` expects one integer label per pixel of `y_pred`, (B, H, W). Received: "
                f"y_true.shape={labels}, y_pred.shape={logits}. Resize the logits to the labels' size."
            )

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

    def _what_to_do(self, received):
        if received == self.tree.num_nodes:
            return f"{received} is the number of nodes: use a loss on node logits, or a model of leaf logits."
        if received == self.tree.num_leaves:
            return f"{received} is the number of leaves: use a loss on leaf logits, or a model of node logits."
        return "Give the model and the loss the same tree."

    def get_config(self):
        config = {"tree": self.tree.to_text(), "ignore_class": self.ignore_class, "dtype": self.dtype}
        return {**super().get_config(), **config, "normalization": self.normalization}


def _without_ignored(y_pred, is_labelled):
    """`y_pred`, no gradient of which leaves an ignored pixel: not even where a NaN there would make it one."""

    def function(x):
        return x, lambda upstream: ops.where(is_labelled[..., None], upstream, 0.0)

    return with_gradient(function)(y_pred)


def without_channel(x):
    """`(B, H, W, 1)`, as TFDS and Keras give label maps, to `(B, H, W)`."""
    return ops.squeeze(x, -1) if len(x.shape) == 4 and x.shape[-1] == 1 else x
