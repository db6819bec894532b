"""Resizing of images by area averaging."""

from keras import ops


def resize_area(image, size):
    """Resizes images to a height and width, which need not be known when the graph is built.

    Each pixel of the result is the mean of the area of the image that it covers, as in
    `tf.image.resize(method="area")`, by which `data.load` resizes images. That operation runs on CPUs alone, and
    LiteRT and ONNX lack it, so the means are products with two matrices.

    Args:
        image: Float32 tensor, `(B, H, W, C)`.
        size: Pair of integers or of integer tensors, the new height and width.

    Returns:
        Float32 tensor, `(B, *size, C)`.
    """
    for length in size:
        # Averages over rows, and then makes rows of the columns.
        image = ops.transpose(_resize_rows(image, length), (0, 2, 1, 3))
    return image


def _resize_rows(image, length):
    batch, height, width, channels = ops.shape(image)
    rows = ops.reshape(image, (batch, height, width * channels))
    return ops.reshape(ops.matmul(_weights(height, length), rows), (batch, length, width, channels))


def _weights(length, new_length):
    """Returns the share of each pixel in each pixel of the result, `(new_length, length)`. Each row sums to 1."""
    # In units of 1 / new_length pixels all bounds are integers, and thus exact.
    pixel = ops.arange(length, dtype="int32") * new_length
    result = (ops.arange(new_length, dtype="int32") * length)[:, None]
    overlap = ops.minimum(pixel + new_length, result + length) - ops.maximum(pixel, result)
    return ops.cast(ops.maximum(overlap, 0), "float32") / ops.cast(length, "float32")
