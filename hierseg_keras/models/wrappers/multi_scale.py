"""Averages of predictions over several scales and horizontal flips."""

from collections.abc import Sequence

import keras
from keras import ops

from hierseg_keras.decoding.average_scores import added, from_log_sums, log_terms
from hierseg_keras.models.configuration.check_scales import check_scales
from hierseg_keras.models.layers.resize_by import resize_by
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.wrappers.averaging_wrapper import AveragingWrapper
from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.tensor import Tensor

# The scales of HSSN, section 4.1.
SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)


@keras.saving.register_keras_serializable("hierseg_keras")
class MultiScale(AveragingWrapper):
    """Averages a network's probabilities over several scales of an image, and over their horizontal flips.

    The scores at each scale are resized to the size of the image, and then their probabilities are
    averaged. The average is returned as logits if the network returns logits, and otherwise as
    probabilities. So it can replace the network in decoding, metrics, losses, `predict`, `evaluate` and
    `export.saved_model`.

    Args:
        model: `keras.Model` from images `(B, H, W, 3)` to node or leaf scores, `(B, H, W, V)` or
            `(B, H, W, L)`. It must take images of any size; wrap a network of fixed size in
            `SlidingWindow` first.
        tree: `ClassTree`, or its text. Defaults to `model.tree`.
        scales: Factors of the image's height and width. Defaults to HSSN's six scales from 0.5 to 1.75.
        flip: Whether to average with the horizontal flip at each scale. Defaults to `True`.
        flip_pairs: Pairs of nodes to swap in the flipped image, such as left and right parts, as in
            `ClassTree.swap`. Defaults to no pairs.
        scores: `"nodes"` or `"leaves"`. Defaults to the kind inferred from `model`, or from its
            number of channels.
        from_logits: Whether `model` returns logits or probabilities. Defaults to the answer inferred
            from `model`, or from its last activation.
        name: Name of the model.

    Call arguments:
        image: Images, as `model` expects them.

    Returns:
        Float32 tensor, `(B, H, W, V)` or `(B, H, W, L)`, of logits or probabilities.

    Raises:
        TypeError: If `model` is a subclassed model, whose output shape is unknown.
        ValueError: If there is no tree; if a scale is not above 0 and finite, or not 1 with a network of fixed size;
            if the channels do not fit the tree; or if it cannot be inferred whether `model` returns logits or
            probabilities.

    Example:

    >>> averaged = hs.models.MultiScale(model, scales=(0.75, 1.0, 1.25))
    >>> averaged.compile(loss=loss, metrics=[hs.metrics.LevelMeanIoU(tree)])
    >>> results = averaged.evaluate(val, return_dict=True, verbose=0)
    """

    def __init__(
        self,
        model: keras.Model,
        tree: ClassTree | str | None = None,
        scales: Sequence[float] = SCALES,
        flip: bool = True,
        flip_pairs: Sequence[tuple[str, str]] = (),
        scores: str | None = None,
        from_logits: bool | None = None,
        name: str | None = None,
        **kwargs,
    ):
        arguments = {
            "scales": check_scales("MultiScale", scales),
            "flip": flip,
            "flip_pairs": [list(pair) for pair in flip_pairs],
        }
        super().__init__(model, tree, scores, from_logits, arguments, name=name, **kwargs)
        if any(scale != 1 for scale in self.scales):
            advice = "Pass scales=(1.0,), or a network for images of any size"
            self.check_accepted("scales", (None, None), advice)
        self._swap = self.tree.swap(self.flip_pairs)[: self.meaning.num_channels]
        self.enlarge = ResizeTo(dtype="float32", name="enlarge")

    def call(self, image: Tensor, training: bool = False) -> Tensor:
        image, log_sums = ops.cast(image, "float32"), None
        for scale in self.scales:
            for is_flipped in (False, True) if self.flip else (False,):
                # One after the other, because all predictions together need much memory.
                y_pred = self._prediction(_after(log_sums, image), scale, is_flipped)
                log_sums = added(log_sums, log_terms(self.meaning.checked(y_pred), self.scores, self.from_logits))
        return from_log_sums(log_sums, self.scores, self.from_logits)

    def _prediction(self, image, scale, is_flipped):
        """Returns the scores at a scale, resized and flipped back to the image."""
        scaled = resize_by(image, scale)
        if is_flipped:
            y_pred = self.model(ops.flip(scaled, axis=2), training=False)
            y_pred = ops.take(ops.flip(y_pred, axis=2), self._swap, axis=-1)
        else:
            y_pred = self.model(scaled, training=False)
        return self.enlarge([y_pred, image])


def _after(tensors, x):
    """Returns `x` for operations that must not begin before other tensors are computed.

    Args:
        tensors: List of tensors, or `None` if there is nothing to wait for.
        x: Tensor.
    """
    if tensors is None or keras.backend.backend() != "tensorflow" or isinstance(x, keras.KerasTensor):
        return x
    import tensorflow as tf

    with tf.control_dependencies(tensors):
        return tf.identity(x)
