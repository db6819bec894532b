"""Checks and reads the label maps, instance maps and pixel weights that accompany a prediction."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.tree.known_values import known_values

# The codes in a label map that are not node indices: a pixel labeled `ignore_class`, and a label that is neither a
# node nor `ignore_class`.
IGNORED, OUTSIDE = -1, -2
# The key of a label map that is read already, in a dict, as Keras passes one on.
CODES = "codes"
_INT32 = np.iinfo("int32")


def label_codes(owner, tree, ignore_class, y_true, y_pred, has_own_size=False):
    """Reads a label map of any dtype, with or without a channel axis.

    Args:
        owner: Name of the loss or metric, for errors.
        tree: `ClassTree`.
        ignore_class: Integer label of pixels to exclude.
        y_true: Node labels, `(B, H, W)` or `(B, H, W, 1)`: integers, or floats that are whole numbers; or
            `{CODES: codes}`, labels that have been read already.
        y_pred: Prediction, `(B, H, W, C)`.
        has_own_size: Boolean, whether height and width may differ from those of `y_pred`, as they do for
            embeddings. Defaults to `False`.

    Returns:
        Int32 tensor `(B, H, W)`: a node index; `IGNORED`; or `OUTSIDE` for a value that is neither a node nor
        `ignore_class`. In a graph, floats such as 0.5 and NaN are `OUTSIDE` too.

    Raises:
        ValueError: If `y_true` does not have one label per pixel of `y_pred`, or its values are known and are not
            whole numbers.
    """
    if is_read(y_true):
        return ops.cast(y_true[CODES], "int32")
    codes, is_right = integer_map(owner, "y_true", "label", y_true, y_pred, tree, has_own_size)
    is_node = ops.logical_and(codes >= 0, codes < tree.num_nodes)
    codes = ops.where(is_node, codes, ops.where(codes == ignore_class, IGNORED, OUTSIDE))
    return codes if is_right is True else ops.where(is_right, codes, OUTSIDE)


def is_read(y_true):
    """Whether a label map is read already: codes in a dict, which Keras passes on from a loss to its `call`."""
    return isinstance(y_true, dict) and CODES in y_true


def integer_map(owner, argument, what, values, y_pred, tree=None, has_own_size=False):
    """Checks a map of one integer per pixel.

    Args:
        owner, y_pred, has_own_size: As in `label_codes`.
        argument: Name of the argument that holds the map, for errors.
        what: Word for one of its integers, such as `"label"`, for errors.
        values: The map, `(B, H, W)` or `(B, H, W, 1)`.
        tree: `ClassTree` or `None`. With a tree, errors recognize one-hot labels.

    Returns:
        A pair `(integers, is_right)`. `integers` is an int32 tensor `(B, H, W)`. `is_right` is `True` or a bool
        tensor: whether each value is an integer that fits int32 and the map has the size of `y_pred`.

    Raises:
        ValueError: As in `label_codes`.
    """
    values = values if hasattr(values, "dtype") else np.asarray(values)
    shape, y_pred_shape = _static_shape(owner, argument, values), _static_shape(owner, "y_pred", y_pred)
    if len(y_pred_shape) != 4:
        advice = "Add a batch axis." if len(y_pred_shape) == 3 else "Reshape it."
        if not has_own_size and len(y_pred_shape) == 3 and len(shape) >= 3 and not _differ(shape[:3], y_pred_shape):
            advice = "Pass scores instead of classes; those of a class map are its one-hot encoding."
        raise ValueError(
            f"`{owner}` expects {'embeddings (B, h, w, C)' if has_own_size else 'scores (B, H, W, C)'}. Received: "
            f"y_pred.shape={y_pred_shape}. {advice}"
        )
    sizes, axes = shape[:-1] if len(shape) == 4 and shape[-1] == 1 else shape, 1 if has_own_size else 3
    swapped = has_own_size and len(sizes) == 3 and _fits_only_swapped(sizes, y_pred_shape)
    if len(sizes) != 3 or _differ(sizes[:axes], y_pred_shape[:axes]) or swapped:
        advice = "Swap its last two axes." if swapped else _advice(sizes, y_pred_shape, tree)
        raise ValueError(
            f"`{owner}` expects one integer {what} per pixel of `y_pred`, (B, H, W). Received: "
            f"{argument}.shape={shape}, y_pred.shape={y_pred_shape}. {advice}"
        )
    integers, is_whole = as_integers(owner, argument, what, values)
    integers, is_whole = without_channel(integers), is_whole if is_whole is True else without_channel(is_whole)
    is_as_large = has_own_size or _have_equal_sizes(integers, y_pred, axes=3)
    if is_whole is True or is_as_large is True:
        return integers, is_as_large if is_whole is True else is_whole
    return integers, ops.logical_and(is_whole, is_as_large)


def pixel_weights(owner, sample_weight, labels, dtype):
    """Returns weights per image or per pixel in a shape that broadcasts to the labels.

    Args:
        owner: Name of the loss or metric, for errors.
        sample_weight: Floats, one weight per image, `(B,)` or `(B, 1, 1)`, or one per pixel, `(B, H, W)` or
            `(B, H, W, 1)`.
        labels: Tensor `(B, H, W)`.
        dtype: Float dtype of the result.

    Returns:
        Float tensor `(B, 1, 1)` or `(B, H, W)`.

    Raises:
        ValueError: If `sample_weight` has neither one weight per image nor one per pixel.
    """
    weights = ops.cast(sample_weight, dtype)
    shape, label_shape = _static_shape(owner, "sample_weight", weights), tuple(labels.shape)
    weights = without_channel(weights)
    sizes = tuple(weights.shape)
    is_of_images = len(sizes) == 1 or len(sizes) == 3 and sizes[1:] == (1, 1)
    axes = 1 if is_of_images else 3
    if len(sizes) not in (1, 3) or _differ(sizes[:axes], label_shape[:axes]):
        is_swapped = not _differ(sizes, _swapped(label_shape))
        raise ValueError(
            f"`{owner}` expects one weight per image, (B,), or per pixel, (B, H, W). Received: "
            f"sample_weight.shape={shape} for labels of shape {label_shape}. "
            + ("Swap its last two axes." if is_swapped else "Give it the shape of the labels.")
            + " If `fit` was called with `class_weight`, pass `class_weights` to the loss instead."
        )
    weights = ops.reshape(weights, (-1, 1, 1)) if len(sizes) == 1 else weights
    is_as_large = _have_equal_sizes(weights, labels, axes)
    return weights if is_as_large is True else ops.where(is_as_large, weights, float("nan"))


def without_weightless(codes, weights):
    """Replaces the codes of pixels of weight 0 with `IGNORED`, and of pixels of weight NaN with `OUTSIDE`."""
    return ops.where(weights == 0, IGNORED, ops.where(ops.isnan(weights), OUTSIDE, codes))


def without_channel(x):
    """Removes the channel axis of `(B, H, W, 1)`, the shape of label maps in TFDS and Keras."""
    return ops.squeeze(x, -1) if len(x.shape) == 4 and x.shape[-1] == 1 else x


# === Values ===


def as_integers(owner, argument, what, values):
    """Converts values to integers.

    Args:
        owner, argument, what: As in `integer_map`.
        values: Array or tensor of any shape and dtype.

    Returns:
        A pair `(integers, is_whole)`. `integers` is an int32 tensor. `is_whole` is `True` or a bool tensor: whether
        each value is an integer that fits int32.

    Raises:
        ValueError: If values are known and are not whole numbers.
    """
    _check_whole(owner, argument, what, values)
    return _as_int32(_as_tensor(values))


def _as_tensor(values):
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu" and values.dtype.itemsize > 4:
        # JAX has 32 bits. It would wrap larger values into labels that look valid.
        values = values.clip(_INT32.min, _INT32.max).astype("int32")
    return ops.convert_to_tensor(values)


def _as_int32(x):
    dtype = keras.backend.standardize_dtype(x.dtype)
    if dtype in ("bool", "int8", "int16", "int32", "uint8", "uint16"):
        return ops.cast(x, "int32"), True
    integers = ops.cast(x, "int32")
    return integers, ops.cast(integers, dtype) == x


def _check_whole(owner, argument, what, x):
    """Raises if the values are known and are not whole numbers."""
    if "float" not in keras.backend.standardize_dtype(x.dtype):
        return
    values = known_values(x)
    if values is None:
        return
    values = values.astype("float64")
    is_whole = np.isfinite(values) & (values == np.floor(values))
    if not is_whole.all():
        raise ValueError(
            f"`{owner}` expects integer {what}s. Received: {argument} with the value {values[~is_whole][0]:g}. "
            "Map the values to integers first."
        )


# === Shapes ===


def _static_shape(owner, argument, x):
    try:
        return tuple(x.shape)
    # TensorFlow raises this for a tensor of unknown rank.
    except ValueError:
        raise ValueError(
            f"`{owner}` expects a known number of axes of `{argument}`. Received: {argument}.shape={x.shape}. "
            "Call `set_shape` on it in the data pipeline."
        ) from None


def _differ(sizes, others):
    """Returns whether the numbers of axes differ, or any two sizes that are both known."""
    return len(sizes) != len(others) or any(None not in pair and pair[0] != pair[1] for pair in zip(sizes, others))


def _have_equal_sizes(x, y, axes):
    """Returns whether the first axes agree, as a tensor if sizes are unknown in a graph.

    Without this check an axis of size 1 would be broadcast.
    """
    if None not in (*x.shape[:axes], *y.shape[:axes]):
        return True
    return ops.all(ops.stack([ops.shape(x)[axis] == ops.shape(y)[axis] for axis in range(axes)]))


def _swapped(shape):
    return (*shape[:-2], shape[-1], shape[-2])


def _fits_only_swapped(shape, y_pred_shape):
    """Returns whether the labels' proportions match those of `y_pred` only after swapping height and width."""
    sizes = (*shape[1:], *y_pred_shape[1:3])
    if None in sizes:
        return False
    height, width, *y_pred_size = sizes
    return not _have_one_stride((height, width), y_pred_size) and _have_one_stride((width, height), y_pred_size)


def _have_one_stride(size, smaller):
    """Returns whether one stride reduces both sides of `size` to `smaller`, rounded up or down."""
    least = max(side / (other + 1) for side, other in zip(size, smaller))
    largest = min(side / max(other - 1, 1e-9) for side, other in zip(size, smaller))
    return least < largest


def _advice(shape, y_pred_shape, tree):
    batch, height, width, channels = y_pred_shape
    counts = {channels} if tree is None else {channels, tree.num_leaves, tree.num_nodes}
    if len(shape) == 4:
        advice = []
        if shape[-1] in counts:
            advice.append("Take the argmax over the last axis of one-hot labels.")
        if shape[-1] in (3, 4):
            advice.append("Map colors to ids with `data.ClassMap`.")
        return " ".join(advice) or "Give one map per image, without channels."
    if not _differ(shape, (batch, width, height)):
        return "Swap its last two axes."
    if not _differ(shape, (height, width)) or not _differ(shape, (height, width, 1)):
        return "Add a batch axis."
    if len(shape) == 2 and None not in (height, width) and shape[-1] == height * width:
        return "Reshape it to (B, H, W)."
    if len(shape) != 3:
        return "Give one map per image."
    if not _differ(shape[1:], (height, width)):
        return "Give one map per prediction."
    return "Resize the logits to the labels' size."
