"""Predictions averaged over scales and mirror images."""

from collections.abc import Sequence

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

# The papers' (HSSN, section 4.1).
SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)


@keras.saving.register_keras_serializable("hierseg_keras")
class MultiScale(keras.Model):
    """Averages a network's probabilities over several sizes of an image, and their mirror images.

    Each size's scores are enlarged or reduced to the image's before probabilities are averaged. The
    average is returned as the network returns its scores, as logits or probabilities, so that decoding, metrics and
    losses, `predict`, `evaluate` and `export.saved_model` take it as they take the network itself.

    Args:
        model: `keras.Model` from images `(B, H, W, 3)` to node or leaf scores `(B, H, W, V or L)`,
            which takes images of any size (`SlidingWindow` makes one of a network that does not).
        tree: `ClassTree`, or its text. Defaults to `model.tree`.
        scales: Factors of the image's height and width. Defaults to the papers' six, 0.5 to 1.75.
        flip: Whether to average with the mirror image at each scale. Defaults to true.
        flip_pairs: Pairs of nodes that change places in it, such as left and right parts; see
            `ClassTree.swap`.
        scores: `"nodes"` or `"leaves"`. Inferred from `model`, or from the channel count.
        from_logits: Whether `model` returns logits or probabilities. Inferred from `model`, or from
            its last activation.
        name: Name of the model.

    Call arguments:
        image: As `model` takes it.

    Returns:
        Float32 tensor, `(B, H, W, V)` or `(B, H, W, L)`: the mean probabilities, as logits where the
        network returns logits.

    Raises:
        TypeError: If `model` is a subclassed model, whose output is not known.
        ValueError: If there is no tree, a scale is not above 0, the channels do not fit the tree, or it
            cannot be known whether `model` returns logits or probabilities.

    Example:

    >>> averaged = hs.models.MultiScale(model, scales=(0.75, 1.0, 1.25))
    >>> averaged.compile(loss=loss, metrics=[hs.metrics.LevelMeanIoU(tree)])
    >>> results = averaged.evaluate(val, return_dict=True, verbose=0)
    """

    def __new__(cls, *args, **kwargs):
        # Before anything is built.
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
            raise ValueError(f"`MultiScale` expects `scales` above 0. Received: scales={scales!r}.")
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

    def call(self, image, training=False):
        image = ops.cast(image, "float32")
        predictions = []
        for scale in self.scales:
            scaled = resize_by(image, scale)
            predictions.append(self.enlarge([self.model(scaled, training=False), image]))
            if self.flip:
                mirrored = self.model(ops.flip(scaled, axis=2), training=False)
                back = ops.take(ops.flip(mirrored, axis=2), self._swap, axis=-1)
                predictions.append(self.enlarge([back, image]))
        return average_scores(predictions, self.scores, self.from_logits)

    @property
    def input_shape(self):
        return self.model.input_shape

    @property
    def output_shape(self):
        return self.model.output_shape

    def compute_output_shape(self, input_shape):
        return (*input_shape[:3], self.model.output_shape[-1])

    def get_config(self):
        return config_of(self)

    @classmethod
    def from_config(cls, config):
        return model_from_config(cls, config)
