"""Checks the shape and the dtype of an image and its label."""

import numpy as np


def example_problem(image, label, has_colors):
    """Describes what is wrong with an example, or returns `None`.

    Args:
        image, label: Arrays, or `tf.TensorSpec`s, which may have unknown lengths.
        has_colors: Boolean, whether the label holds colors.

    Returns:
        String in one line, or `None`.
    """
    image_shape, label_shape = tuple(image.shape), tuple(label.shape)
    if _dtype(image) != np.uint8:
        return (
            f"expected a uint8 image with values from 0 to 255. Received: {_dtype(image)}. Scale it to 0 .. 255 and "
            "cast it"
        )
    if len(image_shape) == 4:
        return f"expected single images (H, W, 3). Received: batches, {image_shape}. Call `unbatch` first"
    if len(image_shape) not in (2, 3) or len(image_shape) == 3 and image_shape[-1] not in (1, 3):
        return f"expected an image (H, W, 3), (H, W, 1) or (H, W). Received: {image_shape}"
    if 0 in image_shape[:2]:
        return f"expected an image of at least one pixel. Received: {image_shape}"
    if not np.issubdtype(_dtype(label), np.integer):
        return f"expected a label of an integer dtype. Received: {_dtype(label)}. Cast whole numbers first"
    is_label = len(label_shape) == 2 or len(label_shape) == 3 and label_shape[-1] == 1
    is_color = len(label_shape) == 3 and label_shape[-1] == 3
    if is_color and not has_colors:
        return (
            f"expected a label (H, W). Received: {label_shape}. If its colors stand for classes, pass `classes` with "
            "colors as ids. Of one-hot labels, take `argmax` first"
        )
    if has_colors and not is_color or not has_colors and not is_label:
        expected = "(H, W, 3) of colors, because the ids of `classes` are colors" if has_colors else "(H, W)"
        return f"expected a label {expected}. Received: {label_shape}"
    # An unknown length is compared when the example is read.
    if any(one != other for one, other in zip(image_shape[:2], label_shape[:2]) if None not in (one, other)):
        return f"expected an image and a label of equal size. Received: {image_shape} and {label_shape}"
    return None


def _dtype(value):
    return np.dtype(getattr(value.dtype, "as_numpy_dtype", value.dtype))
