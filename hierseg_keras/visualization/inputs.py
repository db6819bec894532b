"""What pictures are drawn of, checked: images, label maps, and tables by name."""

import numpy as np

_BLACK, _WHITE = 0, 255
# Augmented and resized images overshoot 0 .. 255 by less than its width.
_DARKEST, _BRIGHTEST = -_WHITE, 2 * _WHITE
# No image of negative colors that stays below this is in 0 .. 255: it was standardized.
_STANDARDIZED = 10


def as_pixels(function, image):
    """An image's colors, `(H, W, 3)` uint8.

    Args:
        function: The name that errors give to the function.
        image: Numbers in 0 .. 255, `(H, W, C)` of at least three channels, of which the first three
            are colors.

    Raises:
        ValueError: If the shape is another one, or the numbers are not colors in 0 .. 255.
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[-1] < 3 or 0 in image.shape:
        raise ValueError(
            f"`{function}` expects an image of three color channels, (H, W, 3). Received: shape {image.shape}. "
            f"{_what_to_do(image.shape)}"
        )
    image = image[..., :3]
    if image.dtype.kind not in "uif" or not np.isfinite(image).all():
        raise ValueError(
            f"`{function}` expects an image of finite numbers in 0 .. 255. Received: dtype {image.dtype}"
            f"{', with NaN or infinity' if image.dtype.kind == 'f' else ''}."
        )
    low, high = image.min(), image.max()
    is_standardized = low < 0 and high <= _STANDARDIZED
    if low < _DARKEST or high > _BRIGHTEST or ((high <= 1 or is_standardized) and (image % 1).any()):
        raise ValueError(
            f"`{function}` expects an image of colors in 0 .. 255. Received: numbers in {low:g} .. {high:g}. Multiply "
            "an image in 0 .. 1 by 255, and divide one of 16 bits by 257."
        )
    return image.clip(_BLACK, _WHITE).astype(np.uint8)


def _what_to_do(shape):
    if len(shape) == 4:
        return "Pass one image of the batch, such as images[0]."
    if len(shape) == 2 or len(shape) == 3 and shape[-1] == 1:
        return "Repeat the channel of a gray image: np.repeat(np.reshape(image, (*image.shape[:2], 1)), 3, axis=-1)."
    return "Pass height, width and colors, in this order."


def as_labels(function, labels, num_labels, shape=None, what="node indices"):
    """A map of integer labels, `(H, W)`; any shape where none is asked for.

    Args:
        function: The name that errors give to the function.
        labels: Integers; a last axis of one channel is left out. Negative numbers and one other
            number outside `[0, num_labels)` may mark pixels without a label.
        num_labels: Number of labels.
        shape: Optional `(H, W)` of the image that the labels belong to.
        what: What the labels are.

    Raises:
        ValueError: If the labels are no integers, of another size than the image, or of more than one number beyond
            `num_labels`.
    """
    labels = np.asarray(labels)
    if shape is not None and labels.shape == (*shape, 1):
        labels = labels[..., 0]
    if labels.dtype.kind not in "iu":
        raise ValueError(
            f"`{function}` expects a map of {what}, integers. Received: dtype {labels.dtype}. Take the arg-max of "
            "scores, and cast whole numbers: labels.astype(int)."
        )
    if shape is not None and labels.shape != shape:
        raise ValueError(
            f"`{function}` expects a map of one of the {what} per pixel of the image, {shape}. "
            f"Received: shape {labels.shape}."
        )
    beyond = np.unique(labels[labels >= num_labels])
    if len(beyond) > 1:
        raise ValueError(
            f"`{function}` expects {what} in [0, {num_labels}), and one other number at most for pixels without a "
            f"label. Received: {beyond[:5].tolist()}{'' if len(beyond) <= 5 else ' and others'}. Class ids of a data "
            "set are mapped to nodes by `data.load`."
        )
    return labels


def check_some(function, argument, values, what):
    """Refuses an empty dict or list, of `what` it is expected to hold."""
    if not len(values):
        raise ValueError(f"`{function}` expects at least one {what}. Received: {argument}={values!r}.")


def check_keys(function, table, keys):
    """Refuses a dict, or a row of a table, that lacks a key."""
    missing = [key for key in keys if key not in table]
    if missing:
        raise ValueError(
            f"`{function}` expects the keys {', '.join(map(repr, keys))}. Received: {', '.join(map(repr, table))}, "
            f"without {', '.join(map(repr, missing))}."
        )
