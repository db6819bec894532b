"""Predictions of large images, window by window."""

import keras
from keras import ops

from hierseg_keras.decoding import told_outputs
from hierseg_keras.decoding.average_logits import log_probabilities, logits_of_sums
from hierseg_keras.models.tree_segmenter import load_segmenter
from hierseg_keras.tree import as_class_tree

# Mid-grey, which networks that scale 0 .. 255 to [-1, 1] see as 0.
PADDING_COLOUR = 127.5
# The logarithm of nothing; an infinity less another is NaN.
LOG_0 = -1e30


@keras.saving.register_keras_serializable("hierseg_keras")
class SlidingWindow(keras.Model):
    """Runs a network over windows of an image, one at a time, and averages where they overlap.

    Memory is that of one window's features and of the answer. Windows lie `stride` apart, the last
    ones of a row or column at the image's edge; an image smaller than a window is padded with grey
    below and to the right. Probabilities are averaged, and given as logits again.

    Args:
        model: `keras.Model` from images `(B, H, W, 3)` to node or leaf logits `(B, H, W, V or L)`.
        window: `(H, W)` of a window in pixels.
        overlap: Share of a window's height and width that the next one repeats at least, in
            [0, 1). Defaults to a third.
        tree: `ClassTree`, or its text. Defaults to `model.tree`.
        outputs: `"nodes"` or `"leaves"`; told by `model.logits_of` or the channel count.
        name: Name of the model.

    Call arguments:
        image: RGB images in 0 .. 255, `(B, H, W, 3)`, of any size.

    Returns:
        Float32 logits of the mean probabilities, `(B, H, W, V)` or `(B, H, W, L)`.

    Raises:
        ValueError: If there is no tree, an argument is not as said above, or the channels do not
            fit the tree.

    Example:

    >>> windowed = hs.models.SlidingWindow(model, window=(64, 64))
    >>> tuple(windowed(np.zeros((1, 90, 150, 3))).shape[:3])
    (1, 90, 150)
    """

    def __init__(self, model, window, overlap=1 / 3, tree=None, outputs=None, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        model = getattr(model, "inference_model", model)
        if tree is None and getattr(model, "tree", None) is None:
            raise ValueError("`SlidingWindow` expects a `tree`, as `model` has none. Received: tree=None.")
        if len(window) != 2 or min(window) < 1:
            raise ValueError(f"`SlidingWindow` expects `window=(height, width)` in pixels. Received: {window!r}.")
        if not 0 <= overlap < 1:
            raise ValueError(f"`SlidingWindow` expects an `overlap` in [0, 1). Received: overlap={overlap!r}.")
        self.tree = as_class_tree(model.tree if tree is None else tree)
        self.logits_of = told_outputs(self.tree, model.output_shape, outputs or getattr(model, "logits_of", None))
        self.model = model
        self.window = tuple(int(length) for length in window)
        self.overlap = overlap
        self.built = True

    def call(self, image, training=False):
        image = ops.cast(image, "float32")
        batch, *size = ops.shape(image)[:3]
        padded = [_maximum(length, own) for length, own in zip(size, self.window)]
        padding = [(0, 0), *((0, to - length) for to, length in zip(padded, size)), (0, 0)]
        image = ops.pad(image, padding, constant_values=PADDING_COLOUR)
        rows, columns = (_starts(length, own, self.overlap) for length, own in zip(padded, self.window))
        num_columns = ops.shape(columns)[0]

        def add(index, *log_sums):
            place = (0, rows[index // num_columns], columns[index % num_columns], 0)
            part = ops.slice(image, place, (batch, *self.window, image.shape[-1]))
            terms = log_probabilities(self.model(part, training=False), self.logits_of)
            return index + 1, *(_added(log_sum, term, place) for log_sum, term in zip(log_sums, terms))

        channels = self.model.output_shape[-1]
        nothing = ops.full((batch, *padded, channels), LOG_0, dtype="float32")
        log_sums = [nothing] * (2 if self.logits_of == "nodes" else 1)
        num_windows = ops.shape(rows)[0] * num_columns
        index = ops.convert_to_tensor(0, "int32")
        _, *log_sums = ops.while_loop(lambda index, *_: index < num_windows, add, (index, *log_sums))
        return logits_of_sums([log_sum[:, : size[0], : size[1]] for log_sum in log_sums], self.logits_of)

    @property
    def input_shape(self):
        return (None, None, None, self.model.input_shape[-1])

    @property
    def output_shape(self):
        return (None, None, None, self.model.output_shape[-1])

    def compute_output_shape(self, input_shape):
        return (*input_shape[:3], self.model.output_shape[-1])

    def get_config(self):
        return {
            "model": keras.saving.serialize_keras_object(self.model),
            "window": self.window,
            "overlap": self.overlap,
            "tree": self.tree.to_text(),
            "outputs": self.logits_of,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "model": load_segmenter(config["model"])})


def _added(log_sum, term, place):
    """Adds a window's probabilities in their place."""
    before = ops.slice(log_sum, place, ops.shape(term))
    return ops.slice_update(log_sum, place, ops.logaddexp(before, ops.cast(term, "float32")))


def _starts(length, own, overlap):
    """Where the windows of one axis begin, int32: the last one ends with the image."""
    stride = max(int(own * (1 - overlap)), 1)
    count = -(-(length - own) // stride) + 1
    return ops.minimum(ops.arange(count, dtype="int32") * stride, length - own)


def _maximum(x, y):
    # Sizes stay Python numbers where they are known.
    return max(x, y) if isinstance(x, int) else ops.maximum(x, y)
