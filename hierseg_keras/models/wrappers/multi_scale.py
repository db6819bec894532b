"""Averages of predictions over several scales and mirror images."""

from collections.abc import Sequence
from typing import Any, Self

import keras
from keras import ops

from hierseg_keras.decoding import average_scores
from hierseg_keras.models.configuration.check_keywords import check_keywords
from hierseg_keras.models.configuration.saved_config import config_of, model_from_config, remember_arguments
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.models.layers.image_input import check_channels_last
from hierseg_keras.models.layers.resize_by import resize_by
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.tensor import Tensor

# The scales of HSSN, section 4.1.
SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)


@keras.saving.register_keras_serializable("hierseg_keras")
class MultiScale(keras.Model):
    """Averages a network's probabilities over several scales of an image, and over their mirror images.

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
        flip: Whether to average with the mirror image at each scale. Defaults to `True`.
        flip_pairs: Pairs of nodes to swap in the mirror image, such as left and right parts, as in
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
        ValueError: If there is no tree; if a scale is not above 0; if the channels do not fit the tree; or
            if it cannot be inferred whether `model` returns logits or probabilities.

    Example:

    >>> averaged = hs.models.MultiScale(model, scales=(0.75, 1.0, 1.25))
    >>> averaged.compile(loss=loss, metrics=[hs.metrics.LevelMeanIoU(tree)])
    >>> results = averaged.evaluate(val, return_dict=True, verbose=0)
    """

    def __new__(cls, *args, **kwargs):
        # Checked before the model is built, which may take long.
        check_keywords(cls, kwargs)
        return super().__new__(cls, *args, **kwargs)

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
        check_channels_last("MultiScale")
        super().__init__(name=name, **kwargs)
        model = getattr(model, "inference_model", model)
        self.scales = tuple(float(scale) for scale in scales)
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"`MultiScale` expects at least one scale, all above 0. Received: scales={scales!r}.")
        meaning = scores_of(model, "MultiScale", tree, scores, from_logits)
        self.tree, self.scores, self.from_logits = meaning.tree, meaning.kind, meaning.from_logits
        self.model = model
        self.flip = flip
        self.flip_pairs = [list(pair) for pair in flip_pairs]
        self._swap = self.tree.swap(flip_pairs)[: meaning.num_channels]
        self.enlarge = ResizeTo(dtype="float32", name="enlarge")
        self.built = True
        arguments = {"model": model, "tree": self.tree.to_text(), "scales": self.scales, "flip": flip}
        arguments |= {"flip_pairs": self.flip_pairs, "scores": self.scores, "from_logits": self.from_logits}
        remember_arguments(self, arguments)

    def call(self, image: Tensor, training: bool = False) -> Tensor:
        image = ops.cast(image, "float32")
        predictions = []
        for scale in self.scales:
            scaled = resize_by(image, scale)
            predictions.append(self.enlarge([self.model(scaled, training=False), image]))
            if self.flip:
                mirrored = self.model(ops.flip(scaled, axis=2), training=False)
                flipped_back = ops.take(ops.flip(mirrored, axis=2), self._swap, axis=-1)
                predictions.append(self.enlarge([flipped_back, image]))
        return average_scores(predictions, self.scores, self.from_logits)

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        return self.model.input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        return self.model.output_shape

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:3], self.model.output_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return config_of(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return model_from_config(cls, config)
