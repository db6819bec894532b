"""Predictions averaged over scales and mirror images."""

import keras
from keras import ops

from hierseg_keras.decoding import average_logits, told_outputs
from hierseg_keras.models.layers.resize_by import resize_by
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.tree_segmenter import load_segmenter
from hierseg_keras.tree import as_class_tree

# The papers' (HSSN, section 4.1).
SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)


@keras.saving.register_keras_serializable("hierseg_keras")
class MultiScale(keras.Model):
    """Averages a network's probabilities over several sizes of an image, and their mirror images.

    Each size's logits are enlarged or reduced to the image's before probabilities are averaged, and
    the average is given as logits again, so that decoding, metrics and losses, `predict`,
    `evaluate` and `export.saved_model` take it as they take the network itself.

    Args:
        model: `keras.Model` from images `(B, H, W, 3)` to node or leaf logits `(B, H, W, V or L)`,
            which takes images of any size (`SlidingWindow` makes one of a network that does not).
        tree: `ClassTree`, or its text. Defaults to `model.tree`.
        scales: Factors of the image's height and width. Defaults to the papers' six, 0.5 to 1.75.
        flip: Whether to average with the mirror image at each scale. Defaults to true.
        flip_pairs: Pairs of nodes that change places in it, such as left and right parts; see
            `ClassTree.swap`.
        outputs: `"nodes"` or `"leaves"`; told by `model.logits_of` or the channel count.
        name: Name of the model.

    Call arguments:
        image: As `model` takes it.

    Returns:
        Float32 logits of the mean probabilities, `(B, H, W, V)` or `(B, H, W, L)`.

    Raises:
        ValueError: If there is no tree, an argument is not as said above, or the channels do not
            fit the tree.

    Example:

    >>> averaged = hs.models.MultiScale(model, scales=(0.75, 1.0, 1.25))
    >>> averaged.compile(metrics=[hs.metrics.LevelMeanIoU(tree)])
    >>> figures = averaged.evaluate(val, return_dict=True, verbose=0)
    """

    def __init__(self, model, tree=None, scales=SCALES, flip=True, flip_pairs=(), outputs=None, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        model = getattr(model, "inference_model", model)
        if tree is None and getattr(model, "tree", None) is None:
            raise ValueError("`MultiScale` expects a `tree`, as `model` has none. Received: tree=None.")
        self.scales = tuple(float(scale) for scale in scales)
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"`MultiScale` expects `scales` above 0. Received: scales={scales!r}.")
        self.tree = as_class_tree(model.tree if tree is None else tree)
        self.logits_of = told_outputs(self.tree, model.output_shape, outputs or getattr(model, "logits_of", None))
        self.model = model
        self.flip = flip
        self.flip_pairs = [list(pair) for pair in flip_pairs]
        swap = self.tree.swap(flip_pairs)
        self._swap = swap if self.logits_of == "nodes" else swap[: self.tree.num_leaves]
        self.enlarge = ResizeTo(dtype="float32", name="enlarge")
        self.built = True

    def call(self, image, training=False):
        image = ops.cast(image, "float32")
        logits = []
        for scale in self.scales:
            scaled = resize_by(image, scale)
            logits.append(self.enlarge([self.model(scaled, training=False), image]))
            if self.flip:
                mirrored = self.model(ops.flip(scaled, axis=2), training=False)
                back = ops.take(ops.flip(mirrored, axis=2), self._swap, axis=-1)
                logits.append(self.enlarge([back, image]))
        return average_logits(logits, self.logits_of)

    @property
    def input_shape(self):
        return self.model.input_shape

    @property
    def output_shape(self):
        return self.model.output_shape

    def compute_output_shape(self, input_shape):
        return (*input_shape[:3], self.model.output_shape[-1])

    def get_config(self):
        return {
            "model": keras.saving.serialize_keras_object(self.model),
            "tree": self.tree.to_text(),
            "scales": list(self.scales),
            "flip": self.flip,
            "flip_pairs": self.flip_pairs,
            "outputs": self.logits_of,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "model": load_segmenter(config["model"])})
