"""Predictions at the size of images that a network was trained at."""

from collections.abc import Sequence

import keras
from keras import ops

from hierseg_keras.arguments.exact_integer import is_count, is_size
from hierseg_keras.images.proportional_length import proportional_length
from hierseg_keras.models.layers.resize_area import resize_area
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.wrappers.averaging_wrapper import AveragingWrapper
from hierseg_keras.models.wrappers.calibrated import Calibrated
from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.tensor import Tensor


@keras.saving.register_keras_serializable("hierseg_keras")
class Resized(AveragingWrapper):
    """Resizes images as `data.load(size=...)` does, and the scores back to the size of the images.

    A network that was trained on resized images expects objects of the size that they have there. Images are
    resized by area averaging, and scores bilinearly, before any decoding: logits if the network returns logits, and
    otherwise probabilities. `training.for_inference` wraps the network of a run that has `data.size`.

    Args:
        model: `keras.Model` from images `(B, H, W, C)` to node or leaf scores, `(B, H, W, V)` or `(B, H, W, L)`. It
            may be a `MultiScale` or a `SlidingWindow`, whose scales and windows are then those of the resized image.
        size: Pair `(H, W)` in pixels to which every image is resized; or an integer, the new length of the shorter
            side. The longer side then keeps the aspect ratio.
        tree: `ClassTree`, or its text. Defaults to `model.tree`.
        scores, from_logits: As in `MultiScale`.
        name: Name of the model.

    Call arguments:
        image: Images, `(B, H, W, C)`, of any size.

    Returns:
        Float32 tensor, `(B, H, W, V)` or `(B, H, W, L)`, of logits or probabilities.

    Raises:
        TypeError: If `model` is a subclassed model, whose output shape is unknown.
        ValueError: If `size` is neither an integer above 0 nor a pair of them; if the network does not accept images
            of `size`; if there is no tree; if the channels do not fit the tree; or if it cannot be inferred whether
            `model` returns logits or probabilities.

    Example:

    >>> resized = hs.models.Resized(model, size=(32, 40))
    >>> tuple(resized(np.zeros((1, 90, 150, 3))).shape[:3])
    (1, 90, 150)
    """

    def __init__(
        self,
        model: keras.Model,
        size: int | Sequence[int],
        tree: ClassTree | str | None = None,
        scores: str | None = None,
        from_logits: bool | None = None,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(model, tree, scores, from_logits, {"size": _plain(size)}, name=name, **kwargs)
        self.check_accepted("size", self.size if isinstance(self.size, tuple) else (None, None))
        self.enlarge = ResizeTo(dtype="float32", name="enlarge")

    def call(self, image: Tensor, training: bool = False) -> Tensor:
        image = ops.cast(image, "float32")
        resized = resize_area(image, self.resized_size(*ops.shape(image)[1:3]))
        return self.enlarge([self.model(resized, training=False), image])

    def resized_size(self, height: int, width: int) -> tuple[int, int]:
        """Returns the height and width to which images of a height and width are resized. They may be tensors."""
        if isinstance(self.size, tuple):
            return self.size
        shorter = _minimum(height, width)
        return proportional_length(height, shorter, self.size), proportional_length(width, shorter, self.size)

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        return (None, None, None, self.model.input_shape[-1])

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        return (None, None, None, self.model.output_shape[-1])


def resized_size_of(model):
    """Returns the method `resized_size` of a `Resized`, also inside of a `Calibrated`, or `None` for other models."""
    while isinstance(model, Calibrated):
        model = model.model
    return getattr(model, "resized_size", None)


def _plain(size):
    """Returns a size as a Python integer or a tuple of two."""
    is_pair = is_size(size)
    if not is_pair and not is_count(size):
        raise ValueError(
            "`Resized` expects `size=(height, width)`, or an integer, the length of the shorter side, in pixels, above "
            f"0. Received: size={size!r}."
        )
    return tuple(map(int, size)) if is_pair else int(size)


def _minimum(x, y):
    # Keeps a static size a Python number.
    return min(x, y) if isinstance(x, int) and isinstance(y, int) else ops.minimum(x, y)
