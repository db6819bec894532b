"""Runs a network on batches of images, and decodes its scores to small integer maps."""

import math

import keras
import numpy as np
from keras import ops

from hierseg_keras.decoding.best_path import best_leaf
from hierseg_keras.decoding.confident_labels import coherent_probabilities, labels_at
from hierseg_keras.models.wrappers.resized import resized_size_of
from hierseg_keras.tree.ops import pick_channel

LEAF, CONFIDENCE, CONFIDENT = "leaf", "confidence", "confident"
_MAX_CONFIDENCE, _NUMBERS_OF_8_BITS = 255, 256
# The number of classes for which batches have their largest number of pixels.
_MANY_CLASSES = 40


class NetworkAnswers:
    """Predicts batches of images of any size, without being traced again for a new size.

    Only small integer maps leave the device, and not the scores.

    Args:
        model: `keras.Model` from images to scores.
        scores: `tree.scores.Scores` of its channels.
        confidence: Boolean, whether to answer with the probability of each pixel's path.
        threshold: Threshold of `decoding.confident_labels`, or `None`.

    Attributes:
        size: Pair, height and width of the network's input; `None` if they are variable.

    Raises:
        ValueError: If the network's input is not an RGB image.

    Call arguments:
        images: Uint8 array, `(B, H, W, 3)`.

    Returns:
        Dict of NumPy arrays, `(B, H, W)`: `leaf`, uint8 or uint16 leaf indices; `confidence`, uint8 probabilities times
        255; and `confident`, int32 node indices or -1.
    """

    def __init__(self, model, scores, confidence=False, threshold=None):
        self._model, self._scores = model, scores
        self._confidence, self._threshold = confidence, threshold
        self.size = _size_of(model)
        self._answer = self._answers
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            # Images of any size are one signature. Traced per size, each new size would take seconds.
            signature = [tf.TensorSpec((None, *self.size, 3), tf.uint8)]
            self._answer = tf.function(self._answers, input_signature=signature, autograph=False)

    def num_pixels(self, height, width):
        """Returns the number of pixels of an image, or of what the network resizes it to if that has more."""
        resized_size = resized_size_of(self._model)
        resized = 0 if resized_size is None else math.prod(resized_size(height, width))
        return max(height * width, resized)

    def batch_pixels(self, height, width):
        """Returns the number of pixels that an image counts for the size of a batch: more if there are many classes."""
        return self.num_pixels(height, width) * max(1, self._scores.num_channels / _MANY_CLASSES)

    def __call__(self, images):
        return {name: ops.convert_to_numpy(values) for name, values in self._answer(images).items()}

    def _answers(self, images):
        y_pred = ops.cast(self._model(ops.cast(images, "float32"), training=False), "float32")
        leaf = best_leaf(self._scores, y_pred)
        is_small = self._scores.tree.num_leaves <= _NUMBERS_OF_8_BITS
        answers = {LEAF: ops.cast(leaf, "uint8" if is_small else "uint16")}
        if self._confidence or self._threshold is not None:
            scores = self._scores
            probabilities = coherent_probabilities(scores.tree, y_pred, scores.kind, scores.from_logits)
        if self._confidence:
            of_leaf = pick_channel(probabilities, leaf)
            answers[CONFIDENCE] = ops.cast(ops.round(_MAX_CONFIDENCE * ops.clip(of_leaf, 0, 1)), "uint8")
        if self._threshold is not None:
            answers[CONFIDENT] = labels_at(self._scores.tree, probabilities, np.float32(self._threshold))
        return answers


def _size_of(model):
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] not in (None, 3):
        raise ValueError(
            "`predict_files` expects a network with one input of RGB images, (B, H, W, 3). Received: "
            f"input_shape={shape}. Call the network in Python on arrays with all its channels."
        )
    return tuple(shape[1:3])
