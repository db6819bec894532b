"""Resizing an image, and cutting a crop out of it, together with its label map.

A crop is drawn, cut and padded. Label maps are only ever moved, never interpolated, and whatever
lies outside an image is `ignore_class`.
"""

import functools
import typing

import tensorflow as tf

from hierseg_keras.tree.padding import PADDING_COLOR


def resize(image, label, size):
    """Resizes, the image by area averaging, the label map by nearest neighbor.

    Args:
        image: Float or uint8 tensor `(h, w, C)`.
        label: Integer tensor `(h, w, 1)`.
        size: `(H, W)`, or an integer: the length of the shorter side, the longer one's following in proportion.
    """
    if isinstance(size, int):
        size = _size_of_shorter_side(tf.shape(image)[:2], size)
    return tf.image.resize(image, size, method="area"), tf.image.resize(label, size, method="nearest")


class Crop(typing.NamedTuple):
    """Where a crop lies in an image that is resized first. All are int32 tensors `(height, width)`, in pixels.

    Attributes:
        size: The whole image's, once resized.
        offset: The first pixel that the crop shows.
        extent: How many the crop shows of the image.
        before, after: Padding above and to the left, below and to the right.
        mirrored: Bool scalar, whether left and right of the crop change places.
    """

    size: tf.Tensor
    offset: tf.Tensor
    extent: tf.Tensor
    before: tf.Tensor
    after: tf.Tensor
    mirrored: tf.Tensor


def draw_crop(image_size, seed, scale_range, crop_size, flip):
    """Draws a crop at a random scale and a random place, mirrored in one case of two.

    What is smaller than the crop lies at a random place in it.

    Args:
        image_size: Int32 tensor `(2,)`.
        seed: Int tensor `(2,)`.
        scale_range: Smallest and largest factor, or `None` for none.
        crop_size: Pair of integers.
        flip: Whether crops are mirrored at all.
    """
    scale_seed, crop_seed, flip_seed = tf.unstack(tf.random.split(seed, 3))
    place_seed, offset_seed = tf.unstack(tf.random.split(crop_seed, 2))
    size = image_size
    if scale_range:
        factor = tf.random.stateless_uniform((), scale_seed, *scale_range)
        size = tf.maximum(tf.cast(tf.round(tf.cast(size, tf.float32) * factor), tf.int32), 1)
    missing = tf.maximum(crop_size - size, 0)
    before = _random_offset(place_seed, missing)
    offset = _random_offset(offset_seed, size + missing - crop_size)
    mirrored = tf.random.stateless_uniform((), flip_seed) < (0.5 if flip else 0)
    before = tf.where([False, mirrored], missing - before, before)
    return Crop(size, offset, tf.minimum(size, crop_size), before, missing - before, mirrored)


def cut(image, label, crop):
    """What a crop shows of an image and its label map, not padded yet.

    Only that is resampled: the window of the image, in whole pixels, that is nearest to the crop. A
    pixel lies within one of the image's own of where it would lie had all been resized. It is also
    the window that is mirrored, as it is several times smaller than a crop of floats.

    Args:
        image: Float or uint8 tensor `(h, w, C)`.
        label: Integer tensor `(h, w, 1)`.
        crop: `Crop`.

    Returns:
        Float32 image `(*extent, C)`, bilinear, and int32 label `(*extent, 1)`, nearest neighbor.
    """
    whole = tf.shape(image)[:2]
    step = tf.cast(whole, tf.float32) / tf.cast(crop.size, tf.float32)
    first = tf.minimum(_rounded(crop.offset, step), whole - 1)
    last = tf.maximum(_rounded(crop.offset + crop.extent, step), first + 1)
    image, label = (pixels[first[0] : last[0], first[1] : last[1]] for pixels in (image, label))
    image = tf.image.resize(tf.cond(crop.mirrored, lambda: tf.reverse(image, [1]), lambda: image), crop.extent)
    rows, columns = (_nearest(last[axis] - first[axis], crop.extent[axis]) for axis in (0, 1))
    columns = tf.where(crop.mirrored, columns[::-1], columns)
    # Whole rows are gathered several times faster than single pixels are, and so are columns that lie as rows.
    label = tf.transpose(tf.gather(tf.transpose(tf.gather(label[..., 0], rows)), columns))[..., None]
    return image, tf.cast(label, tf.int32)


def pad(image, label, crop, ignore_class):
    """Pads what `cut` returns, the image by mid-gray and the label map by `ignore_class`."""
    missing = tf.reduce_any(crop.before + crop.after > 0)
    # Padding by nothing would copy all of the crop.
    return tuple(
        tf.cond(missing, functools.partial(_padded, pixels, crop, value), functools.partial(tf.identity, pixels))
        for pixels, value in ((image, PADDING_COLOR), (label, ignore_class))
    )


def _padded(pixels, crop, value):
    """Pads rows of numbers, which goes several times faster than to pad pixels of a few."""
    channels = pixels.shape[-1]
    shape = tf.shape(pixels)
    rows = tf.reshape(pixels, (shape[0], shape[1] * channels))
    rows = tf.pad(rows, tf.stack([crop.before, crop.after], axis=1) * [[1], [channels]], constant_values=value)
    return tf.reshape(rows, (*tf.unstack(crop.before + shape[:2] + crop.after), channels))


def _size_of_shorter_side(size, length):
    return tf.cast(tf.round(size * length / tf.reduce_min(size)), tf.int32)


def _random_offset(seed, largest):
    """Integers between 0 and `largest`, both ends included."""
    share = tf.random.stateless_uniform(tf.shape(largest), seed)
    offset = tf.cast(share * tf.cast(largest + 1, tf.float32), tf.int32)
    return tf.minimum(offset, largest)


def _rounded(places, step):
    return tf.cast(tf.round(tf.cast(places, tf.float32) * step), tf.int32)


def _nearest(length, new_length):
    """Which pixels of an axis `tf.image.resize` takes when it resizes `length` of them to `new_length`."""
    step = tf.cast(length, tf.float32) / tf.cast(new_length, tf.float32)
    places = (tf.cast(tf.range(new_length), tf.float32) + 0.5) * step
    return tf.minimum(tf.cast(tf.floor(places), tf.int32), length - 1)
