"""Predictions for large images, window by window."""

import keras
from keras import ops

from hierseg_keras.arguments.exact_integer import is_size
from hierseg_keras.decoding.average_scores import added, from_log_sums, log_terms
from hierseg_keras.images.padding import PADDING_COLOR
from hierseg_keras.models.wrappers.averaging_wrapper import AveragingWrapper
from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.tensor import Tensor

# Stands for the logarithm of 0. Minus infinity would give NaN in differences.
LOG_0 = -1e30


@keras.saving.register_keras_serializable("hierseg_keras")
class SlidingWindow(AveragingWrapper):
    """Applies a network to overlapping windows of an image, and averages the probabilities.

    Windows are processed one after another, so that the network needs only the memory for one window. The scores of the
    whole image are still in memory, several times. The last window of each row and column ends at the edge of the
    image. An image smaller than a window is padded with gray at the bottom and on the right. The average is returned as
    logits if the network returns logits, and otherwise as probabilities.

    Args:
        model: `keras.Model` from images `(B, H, W, 3)` to node or leaf scores, `(B, H, W, V)` or
            `(B, H, W, L)`.
        window: Height and width of a window in pixels, `(H, W)`.
        overlap: Smallest share of a window's height and width that the next window overlaps, in
            [0, 1). Defaults to 1/3.
        tree: `ClassTree`, or its text. Defaults to `model.tree`.
        scores, from_logits: As in `MultiScale`.
        name: Name of the model.

    Call arguments:
        image: Images in 0 .. 255, `(B, H, W, 3)`, of any size.

    Returns:
        Float32 tensor, `(B, H, W, V)` or `(B, H, W, L)`, of logits or probabilities.

    Raises:
        TypeError: If `model` is a subclassed model, whose output shape is unknown.
        ValueError: If there is no tree; if `window` is not a pair of lengths above 0; if `overlap` is not
            in [0, 1); if the channels do not fit the tree; or if it cannot be inferred whether `model`
            returns logits or probabilities.

    Example:

    >>> windowed = hs.models.SlidingWindow(model, window=(64, 64))
    >>> tuple(windowed(np.zeros((1, 90, 150, 3))).shape[:3])
    (1, 90, 150)
    """

    def __init__(
        self,
        model: keras.Model,
        window: tuple[int, int],
        overlap: float = 1 / 3,
        tree: ClassTree | str | None = None,
        scores: str | None = None,
        from_logits: bool | None = None,
        name: str | None = None,
        **kwargs,
    ):
        if not is_size(window):
            raise ValueError(
                f"`SlidingWindow` expects `window=(height, width)`, in pixels, above 0. Received: window={window!r}."
            )
        if not 0 <= overlap < 1:
            raise ValueError(f"`SlidingWindow` expects an `overlap` in [0, 1). Received: overlap={overlap!r}.")
        arguments = {"window": tuple(int(length) for length in window), "overlap": overlap}
        super().__init__(model, tree, scores, from_logits, arguments, name=name, **kwargs)
        self.check_accepted("window", self.window)

    def call(self, image: Tensor, training: bool = False) -> Tensor:
        image = ops.cast(image, "float32")
        batch, *size = ops.shape(image)[:3]
        padded = [_maximum(length, window) for length, window in zip(size, self.window)]
        padding = [(0, 0), *((0, to - length) for to, length in zip(padded, size)), (0, 0)]
        image = ops.pad(image, padding, constant_values=PADDING_COLOR)
        rows, columns = (_starts(length, window, self.overlap) for length, window in zip(padded, self.window))
        num_columns = ops.shape(columns)[0]

        def add(index, *log_sums):
            place = (0, rows[index // num_columns], columns[index % num_columns], 0)
            part = ops.slice(image, place, (batch, *self.window, image.shape[-1]))
            y_pred = self._checked(self.model(part, training=False))
            terms = log_terms(y_pred, self.scores, self.from_logits)
            return index + 1, *(_added(log_sum, term, place) for log_sum, term in zip(log_sums, terms))

        channels = self.model.output_shape[-1]
        log_zeros = ops.full((batch, *padded, channels), LOG_0, dtype="float32")
        log_sums = [log_zeros] * (2 if self.scores == "nodes" else 1)
        num_windows = ops.shape(rows)[0] * num_columns
        index = ops.convert_to_tensor(0, "int32")
        _, *log_sums = ops.while_loop(lambda index, *_: index < num_windows, add, (index, *log_sums))
        log_sums = [log_sum[:, : size[0], : size[1]] for log_sum in log_sums]
        return from_log_sums(log_sums, self.scores, self.from_logits)

    def _checked(self, y_pred):
        """Raises `ValueError` if scores do not have the window's size, where it is known."""
        size = tuple(y_pred.shape[1:3])
        if None not in size and size != self.window:
            raise ValueError(
                f"`SlidingWindow` expects a network whose scores have the size of the window, {self.window}. Received: "
                f"scores of {size}. Resize them in the network, or pass another `window`."
            )
        return y_pred

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        return (None, None, None, self.model.input_shape[-1])

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        return (None, None, None, self.model.output_shape[-1])


def _added(log_sum, term, place):
    """Adds a window's probabilities, given as logarithms, to the sums at its place."""
    before = ops.slice(log_sum, place, ops.shape(term))
    return ops.slice_update(log_sum, place, added([before], [term])[0])


def _starts(length, window, overlap):
    """Computes the start of each window along one axis, int32. The last window ends at `length`."""
    stride = max(int(window * (1 - overlap)), 1)
    count = -(-(length - window) // stride) + 1
    return ops.minimum(ops.arange(count, dtype="int32") * stride, length - window)


def _maximum(x, y):
    # Keeps a static size a Python number.
    return max(x, y) if isinstance(x, int) else ops.maximum(x, y)
