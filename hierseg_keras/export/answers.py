"""A network's answers to a batch of images: class maps, probabilities, and confident labels."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from hierseg_keras.arguments.exact_integer import is_size
from hierseg_keras.decoding import best_path, level_labels
from hierseg_keras.decoding.best_path import best_leaf
from hierseg_keras.decoding.confident_labels import coherent_probabilities, labels_at
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.models.weights.finite_weights import check_finite_weights
from hierseg_keras.tree.scores import OVERSHOOT


def _whole(value):
    return value


class Answers:
    """Computes a network's answers inside a TensorFlow graph.

    Class maps are as small as the tree allows: uint8 up to 255 nodes, uint16 up to 65,535 nodes, and uint32 above.

    Args:
        model: `keras.Model` from images to scores. A training wrapper, such as `HSSN`, stands for the network that it
            trains.
        owner: Name of the exporting function that errors mention.
        tree, scores, from_logits: As in `saved_model`.
        size: Pair `(H, W)`, or `None` for the sizes that the network accepts.

    Warns:
        UserWarning: If `size` is `None` and the network accepts images of one height or width alone.

    Raises:
        FloatingPointError, RuntimeError, TypeError, ValueError: Under the conditions of `saved_model`.
        ValueError: If the network does not accept images of `size`.
    """

    def __init__(self, model, owner, tree=None, scores=None, from_logits=None, size=None):
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(
                f"`{owner}` expects the TensorFlow backend. Received: {keras.backend.backend()!r}. "
                "Save the model with `model.save`, then load and export it with KERAS_BACKEND=tensorflow."
            )
        tree = getattr(model, "tree", None) if tree is None else tree
        self.model = model = getattr(model, "inference_model", model)
        check_finite_weights(model, f"`{owner}`")
        self.scores = scores_of(model, owner, tree, scores, from_logits)
        self.tree = self.scores.tree
        self.image_shape = _image_shape(model, owner, size)
        self.dtype = np.min_scalar_type(self.tree.num_nodes)

        # All signatures call one function, so that the network is traced and stored only once.
        @tf.function(input_signature=[tf.TensorSpec(self.image_shape, tf.float32)], autograph=False)
        def predict(image):
            return _checked(tf.cast(model(image, training=False), tf.float32), image, self.scores)

        self._predict = predict

    @property
    def no_class(self):
        """The largest value of the class maps' dtype, which is never a node: 255 for uint8."""
        return int(np.iinfo(self.dtype).max)

    def levels(self, image, cut=_whole):
        """Computes the class maps.

        Args:
            image: Images `(B, H, W, C)` of any dtype. No axis is empty.
            cut: Function that cuts each output, `(B, H, W, ...)`, to the part that is answered. It is called before
                the class maps get their dtype, because LiteRT cannot slice uint16. Defaults to the whole output.

        Returns:
            Dict from `level_1` to `level_D` to node indices, `(B, H, W)`.
        """
        return self._level_maps(cut(best_leaf(self.scores, self._scores_of(image))))

    def probabilities(self, image, cut=_whole):
        """Computes the class maps, `node_probabilities` `(B, H, W, V)`, and `path_score` `(B, H, W)`."""
        y_pred = self._scores_of(image)
        leaf, score = best_path(self.tree, y_pred, self.scores.kind, self.scores.from_logits)
        probabilities = self.scores.node_probabilities(y_pred)
        return {**self._level_maps(cut(leaf)), "node_probabilities": cut(probabilities), "path_score": cut(score)}

    def confident(self, image, threshold, cut=_whole):
        """Computes `label`, the deepest node per pixel whose probability reaches a threshold, or `no_class`."""
        meaning = self.scores.kind, self.scores.from_logits
        probabilities = coherent_probabilities(self.tree, self._scores_of(image), *meaning)
        label = cut(labels_at(self.tree, probabilities, threshold))
        return {"label": tf.cast(tf.where(label < 0, self.no_class, label), self.dtype)}

    def _scores_of(self, image):
        return self._predict(tf.cast(image, tf.float32))

    def _level_maps(self, leaf):
        maps = level_labels(self.tree, leaf)
        return {f"level_{level}": tf.cast(labels, self.dtype) for level, labels in enumerate(maps, start=1)}


def _checked(y_pred, image, scores):
    """Asserts that scores have the image's size, and are probabilities if not logits. Converters drop assertions."""
    size, of_image = tf.shape(y_pred)[1:3], tf.shape(image)[1:3]
    message = tf.strings.format(
        "expected a network whose scores have the size of the image, {}. Received: {}. Resize them in the network, or "
        "send images of sizes that it keeps.",
        (of_image, size),
    )
    assertions = [tf.debugging.Assert(tf.reduce_all(size == of_image), [message])]
    if not scores.from_logits:
        low, high = tf.reduce_min(y_pred), tf.reduce_max(y_pred)
        message = tf.strings.format(
            "expected a network that answers with probabilities, because it was exported with from_logits=False. "
            "Received: values from {} to {}. Export it with from_logits=True.",
            (low, high),
        )
        # Of no pixel, the smallest value is infinite. NaN fails no comparison: it is answered.
        assertions.append(tf.debugging.Assert(~((low < -OVERSHOOT) | (high > 1 + OVERSHOOT)) | (low > high), [message]))
    with tf.control_dependencies(assertions):
        return tf.identity(y_pred)


def _image_shape(model, owner, size):
    """Returns the shape of a network's input, `(None, H, W, C)`, with `None` for variable heights and widths."""
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or not isinstance(shape[-1], int):
        raise ValueError(
            f"`{owner}` expects a network with one image input, (B, H, W, C). Received: input_shape={shape}. "
            "Pass keras.Model(image, model(image)) with image = keras.Input((None, None, 3))."
        )
    if size is None:
        _warn_of_fixed_size(owner, shape)
        return (None, *shape[1:])
    if not is_size(size):
        raise ValueError(f"`{owner}` expects `size=(height, width)`, in pixels, above 0. Received: size={size!r}.")
    if any(known not in (None, length) for known, length in zip(shape[1:3], size, strict=True)):
        raise ValueError(
            f"`{owner}` expects a `size` that the network accepts. Received: size={tuple(size)}, for a network of "
            f"images of {shape[1]} x {shape[2]} pixels. Leave `size` out."
        )
    return (None, *size, shape[-1])


def _warn_of_fixed_size(owner, shape):
    if shape[1] is None and shape[2] is None:
        return
    height, width = ("any" if length is None else length for length in shape[1:3])
    warnings.warn(
        f"`{owner}`: the network accepts only images of {height} x {width} pixels, and so does the exported model. For "
        "images of any size, build the network with keras.Input((None, None, 3)) as its input. Without an input, a "
        "keras.Sequential keeps the size of its first batch.",
        stacklevel=2,
    )
