"""Checks of the images, label maps and tables that pictures are drawn from."""

import numpy as np

_BLACK, _WHITE = 0, 255
# Augmentation and resizing exceed 0 .. 255 by less than 255 on either side.
_DARKEST, _BRIGHTEST = -_WHITE, 2 * _WHITE
# An image in 0 .. 1 has more fractions than this share. A black image that was resized may have a few.
_FEW_FRACTIONS = 0.01
# An image with negative colors whose largest color is at most this was standardized, and is not in 0 .. 255.
_STANDARDIZED = 10


def as_pixels(function, image):
    """Converts an image to RGB colors, `(H, W, 3)` uint8.

    Args:
        function: Name of the function that errors mention.
        image: `(H, W, C)` array of numbers in 0 .. 255. The first three channels are colors, and
            further channels are dropped.

    Raises:
        ValueError: If the image is not `(H, W, C)` with at least three channels, or does not hold
            colors in 0 .. 255.
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
    if (
        low < _DARKEST
        or high > _BRIGHTEST
        or ((high <= 1 or is_standardized) and np.count_nonzero(image % 1) > _FEW_FRACTIONS * image.size)
    ):
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
    """Converts labels to an integer array and checks it.

    Args:
        function: Name of the function that errors mention.
        labels: Integer array. Negative numbers, and one other number outside `[0, num_labels)`, mark
            pixels without a label.
        num_labels: Number of labels.
        shape: Expected shape `(H, W)`; a map `(H, W, 1)` is reshaped. Defaults to any shape.
        what: Name of the labels in errors. Defaults to node indices.

    Raises:
        ValueError: If the labels are not integers, do not have the expected shape, or hold two or
            more different numbers that are not less than `num_labels`.
    """
    labels = np.asarray(labels)
    if shape is not None and labels.shape == (*shape, 1):
        labels = labels[..., 0]
    if labels.dtype.kind not in "iu":
        raise ValueError(
            f"`{function}` expects an integer map of {what}. Received: dtype {labels.dtype}. Take the arg-max of "
            "scores, or cast whole numbers: labels.astype(int)."
        )
    if shape is not None and labels.shape != shape:
        raise ValueError(
            f"`{function}` expects {what} in the shape of the image, {shape}. Received: shape {labels.shape}."
        )
    beyond = np.unique(labels[labels >= num_labels])
    if len(beyond) > 1:
        raise ValueError(
            f"`{function}` expects {what} in [0, {num_labels}), and at most one other number for pixels without a "
            f"label. Received: {beyond[:5].tolist()}{'' if len(beyond) <= 5 else ' and others'}. If these are class "
            "ids of a data set, use `data.load`, which maps them to nodes."
        )
    return labels


def check_some(function, argument, values, what):
    """Raises `ValueError` if a dict or list is empty. `what` describes one element, such as "map"."""
    if not len(values):
        raise ValueError(f"`{function}` expects at least one {what}. Received: {argument}={values!r}.")


def check_keys(function, table, keys):
    """Raises `ValueError` if a dict, or a row of a table, lacks one of the keys."""
    missing = [key for key in keys if key not in table]
    if missing:
        raise ValueError(
            f"`{function}` expects the keys {', '.join(map(repr, keys))}. Received: {', '.join(map(repr, table))}, "
            f"without {', '.join(map(repr, missing))}."
        )
