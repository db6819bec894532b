"""The base class of the losses on a class tree, and their checks of labels and scores."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.distribution.replicas import num_replicas, sum_over_replicas
from hierseg_keras.losses.weights import NodeWeights, check_node_weights
from hierseg_keras.tree import ClassTree, as_class_tree, check_ignore_class
from hierseg_keras.tree.labels import CODES, IGNORED, is_read, label_codes, pixel_weights
from hierseg_keras.tree.ops import with_gradient
from hierseg_keras.tree.renamed_arguments import with_new_names
from hierseg_keras.tree.scores import Scores

# Fewer logits than this may all lie between 0 and 1 by chance.
_ENOUGH_LOGITS = 64


class LabeledPixels:
    """Reads the labels and scores of a batch for a loss on a tree.

    Args:
        owner: Name of the loss, for errors.
        tree: `ClassTree`.
        scores: Type of the scores in `y_pred`: `"nodes"` or `"leaves"`.
        y_true, y_pred, from_logits, ignore_class: The arguments of the loss.

    Attributes:
        label: Int32 node indices, `(B, H, W)`. They are 0 at ignored pixels.
        logits: Float logits, `(B, H, W, C)`: float64 if `y_pred` is float64, otherwise float32. Their gradient is 0
            at ignored pixels.
        is_labeled: Bool, `(B, H, W)`, false at ignored pixels.
    """

    def __init__(self, owner, tree, scores, y_true, y_pred, from_logits, ignore_class):
        y_pred = ops.convert_to_tensor(y_pred)
        codes = read_labels(owner, tree, scores, y_true, y_pred, from_logits, ignore_class)
        self.is_labeled, self._is_node = codes != IGNORED, codes >= 0
        self.label = ops.maximum(codes, 0)
        y_pred = _without_ignored(ops.cast(y_pred, precision_of(y_pred)), self.is_labeled)
        self.logits = Scores(tree, scores, from_logits).logits(y_pred)

    def losses(self, values):
        """Sets values, `(B, H, W)` or `(B, H, W, D)`, to 0 at ignored pixels and to NaN at labels that are no node."""
        is_labeled, is_node = self.is_labeled, self._is_node
        if len(values.shape) > len(is_labeled.shape):
            is_labeled, is_node = is_labeled[..., None], is_node[..., None]
        return ops.where(is_labeled, ops.where(is_node, values, float("nan")), 0.0)


def read_labels(owner, tree, scores, y_true, y_pred, from_logits, ignore_class):
    """Checks labels and scores, and returns the labels' codes (see `tree.labels`).

    Args:
        owner, tree, scores, y_true, y_pred, from_logits, ignore_class: As in `LabeledPixels`. If `y_true` already
            contains codes, nothing is checked again.

    Returns:
        Int32 codes, `(B, H, W)`.
    """
    if not is_read(y_true):
        check_ignore_class(owner, tree, ignore_class)
        Scores(tree, scores).check_channels(owner, y_pred.shape)
        if _check_from_logits(owner, from_logits):
            _refuse_probabilities(owner, Scores(tree, scores), y_pred)
    return label_codes(owner, tree, ignore_class, y_true, y_pred)


class TreeLoss(keras.losses.Loss):
    """Base class of the losses on a class tree.

    A subclass sets `scores`, and implements `call` and `depth_losses`.

    Pixels labeled `ignore_class` contribute to neither the loss, its gradient, nor the averaging
    denominator. Formula of the mean under `reduction="sum_over_batch_size"`, over labeled pixels `i`
    with loss `l_i`, sample weight `s_i` and class weight `c_i`:

        loss = sum_i s_i c_i l_i / sum_i c_i

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
            the labeled pixels of each replica, and `"global"` by those of all replicas.
        reduction, name, dtype: As in `keras.losses.Loss`.
    """

    def __init__(
        self,
        tree: ClassTree | str,
        from_logits: bool = True,
        class_weights: NodeWeights | None = None,
        ignore_class: int = 255,
        normalization: str = "replica",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        check_dtype(self)
        self.tree = as_class_tree(tree)
        self.from_logits = _check_from_logits(type(self).__name__, from_logits)
        self.class_weights = check_node_weights(type(self).__name__, "class_weights", class_weights, self.tree)
        self.ignore_class = check_ignore_class(type(self).__name__, self.tree, ignore_class)
        if normalization not in ("replica", "global"):
            raise ValueError(
                f'`{type(self).__name__}` expects `normalization` to be "replica" or "global". '
                f"Received: normalization={normalization!r}."
            )
        self.normalization = normalization

    @property
    def scores(self):
        """Type of the scores that the loss expects: `"nodes"` or `"leaves"`."""
        raise NotImplementedError

    def depth_losses(self, label, logits):
        """Computes one value per pixel and depth, `(B, H, W, D)`, depth 1 (the coarsest) first.

        Args:
            label: Int32 node indices, `(B, H, W)`.
            logits: Float logits, `(B, H, W, C)`.
        """
        raise NotImplementedError

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = self.read(y_true, ops.convert_to_tensor(y_pred))
        # Keras casts the codes to the loss's dtype, which holds them.
        return super().__call__(y_true, y_pred, self._pixel_weights(y_true[CODES], sample_weight))

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
        """Computes the terms of the loss per pixel and depth, without weights or reduction.

        Args:
            y_true: As in `call`.
            y_pred: As in `call`.

        Returns:
            A pair: a float tensor `(B, H, W, D)`, depth 1 (the coarsest) first, 0 at ignored
            pixels; and a bool tensor `(B, H, W)`, true for labeled pixels.
        """
        y_true, y_pred = self.read(y_true, y_pred)
        owner, options = type(self).__name__, (self.from_logits, self.ignore_class)
        pixels = LabeledPixels(owner, self.tree, self.scores, y_true, y_pred, *options)
        return pixels.losses(self.depth_losses(pixels.label, pixels.logits)), pixels.is_labeled

    def _pixel_weights(self, codes, sample_weight):
        """Returns weights that exclude ignored pixels from Keras's reduction, including its denominator."""
        weights = ops.cast(codes != IGNORED, self.dtype)
        if self.class_weights is not None:
            # A label outside the tree has weight 1, so that its NaN reaches the loss.
            of_class = ops.take(np.asarray(self.class_weights, self.dtype), ops.maximum(codes, 0), axis=0)
            weights = weights * ops.where(codes >= 0, of_class, 1.0)
        count = ops.sum(weights)
        if sample_weight is not None:
            weights = weights * pixel_weights(type(self).__name__, sample_weight, codes, self.dtype)
        if self.reduction in ("sum_over_batch_size", "mean"):
            # Keras divides by the number of all pixels. This factor corrects it to the labeled pixels.
            size = ops.cast(ops.size(codes), self.dtype)
            if self.normalization == "global":
                count, size = sum_over_replicas(count), size * num_replicas()
            weights = weights * ops.divide_no_nan(size, count)
        return weights

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
    """Rejects a loss in half precision, which cannot represent the index of every node."""
    if loss.dtype not in ("float32", "float64"):
        raise ValueError(
            f"`{type(loss).__name__}` expects dtype float32 or float64, because Keras casts labels to the dtype of the "
            f"loss. Received: dtype={loss.dtype}. Pass dtype='float32'; the model may have any precision."
        )


def _check_from_logits(owner, from_logits):
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
