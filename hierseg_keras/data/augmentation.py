"""Resizes and crops images together with their label maps.

A crop is drawn at random, cut out and padded. Label maps are resized by nearest neighbor and never
interpolated. Pixels outside of the image are labeled `ignore_class`.
"""

import functools
import typing

import tensorflow as tf

from hierseg_keras.images.padding import PADDING_COLOR
from hierseg_keras.images.proportional_length import proportional_length

# How often a crop is drawn if one class fills too much of it, as in the code released with HSSN.
MAX_TRIES = 10


def resize(image, label, size):
    """Resizes an image by area averaging and its label map by nearest neighbor.

    `models.Resized` resizes images in the same way for prediction.

    Args:
        image: Float or uint8 tensor `(h, w, C)`.
        label: Integer tensor `(h, w, 1)`.
        size: Pair `(H, W)` in pixels, or an integer, the new length of the shorter side. The longer side then
            keeps the aspect ratio.

    Returns:
        A pair: float32 image `(H, W, C)`, and label `(H, W, 1)` of its own dtype.
    """
    if isinstance(size, int):
        lengths = tf.shape(image)[:2]
        size = proportional_length(lengths, tf.reduce_min(lengths), size)
    return tf.image.resize(image, size, method="area"), tf.image.resize(label, size, method="nearest")


class Crop(typing.NamedTuple):
    """The position of a crop in a resized image.

    Attributes:
        size: Int32 tensor `(2,)`, height and width of the whole resized image in pixels.
        offset: Int32 tensor `(2,)`, row and column of the crop's first pixel in the resized image.
        extent: Int32 tensor `(2,)`, height and width of the crop without padding.
        before: Int32 tensor `(2,)`, padding above and on the left in pixels.
        after: Int32 tensor `(2,)`, padding below and on the right in pixels.
        mirrored: Bool scalar, whether the crop is flipped horizontally.
    """

    size: tf.Tensor
    offset: tf.Tensor
    extent: tf.Tensor
    before: tf.Tensor
    after: tf.Tensor
    mirrored: tf.Tensor


def draw_crop(image_size, seed, scale_range, crop_size, flip):
    """Draws a crop at a random scale and position, and flips it horizontally with probability 1/2.

    If the resized image is smaller than the crop, it is placed at a random position in the crop.

    Args:
        image_size: Int32 tensor `(2,)`, height and width.
        seed: Integer tensor `(2,)`.
        scale_range: Pair of floats, the smallest and largest scale factor, or `None` not to scale.
        crop_size: Pair of integers, height and width.
        flip: Boolean, whether crops may be mirrored.

    Returns:
        `Crop`.
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


def redraw_crop(crop, seed, crop_size, share_of_label, max_class_share):
    """Draws the position of a crop again until no class fills too much of it, up to ten positions in all.

    Scale and flip stay. If all positions are rejected, the last one is kept.

    Args:
        crop: `Crop`, the first position.
        seed: Integer tensor `(2,)`, the seed of `draw_crop`.
        crop_size: Pair of integers, height and width.
        share_of_label: Function of a `Crop` that returns the largest share of one class in its labeled pixels.
        max_class_share: Float in (0, 1). A position is rejected if its share is at least this.

    Returns:
        `Crop`.
    """
    largest = tf.maximum(crop.size - crop_size, 0)

    def is_rejected(tries, offset):
        share = share_of_label(crop._replace(offset=offset))
        return tf.logical_and(tries < MAX_TRIES, share >= max_class_share)

    def draw(tries, _):
        return tries + 1, _random_offset(tf.random.experimental.stateless_fold_in(seed, tries + MAX_TRIES), largest)

    _, offset = tf.while_loop(is_rejected, draw, (tf.constant(1), crop.offset))
    return crop._replace(offset=offset)


def largest_share(label, ignore_class, num_nodes):
    """Returns the share of the most frequent node in the labeled pixels of a label map; 1 if there are none."""
    labels = tf.reshape(label, [-1])
    counts = tf.math.bincount(tf.boolean_mask(labels, labels != ignore_class), minlength=num_nodes)
    total = tf.reduce_sum(counts)
    return tf.where(total > 0, tf.cast(tf.reduce_max(counts) / tf.maximum(total, 1), tf.float32), 1.0)


def cut(image, label, crop):
    """Cuts a crop out of an image and its label map, without padding.

    For speed, only the part of the image that the crop shows is resized: the window of whole pixels
    that is nearest to the crop. Each pixel is therefore within one pixel (of the original image) of
    its position in the resized image. The window is also mirrored before it is resized, because
    it is several times smaller than a crop of floats.

    Args:
        image: Float or uint8 tensor `(h, w, C)`.
        label: Integer tensor `(h, w, 1)`.
        crop: `Crop`.

    Returns:
        A pair: float32 image `(*extent, C)`, resized bilinearly, and label `(*extent, 1)` of its own dtype, resized
        by nearest neighbor.
    """
    image = _window(image, crop)
    image = tf.image.resize(tf.cond(crop.mirrored, lambda: tf.reverse(image, [1]), lambda: image), crop.extent)
    return image, cut_label(label, crop)


def cut_label(label, crop):
    """Cuts a crop out of a label map, as `cut` does."""
    label = _window(label, crop)
    rows, columns = (_nearest(tf.shape(label)[axis], crop.extent[axis]) for axis in (0, 1))
    columns = tf.where(crop.mirrored, columns[::-1], columns)
    # Gathering whole rows is several times faster than gathering single pixels. The transposes turn columns into rows.
    return tf.transpose(tf.gather(tf.transpose(tf.gather(label[..., 0], rows)), columns))[..., None]


def _window(pixels, crop):
    first, last = _edges(pixels, crop)
    return pixels[first[0] : last[0], first[1] : last[1]]


def _edges(pixels, crop):
    """Returns the first pixel, and the one after the last, of the part of an image or label map that a crop shows."""
    whole = tf.shape(pixels)[:2]
    step = tf.cast(whole, tf.float32) / tf.cast(crop.size, tf.float32)
    first = tf.minimum(_rounded(crop.offset, step), whole - 1)
    return first, tf.maximum(_rounded(crop.offset + crop.extent, step), first + 1)


def pad(image, label, crop, ignore_class):
    """Pads the results of `cut`: the image with mid-gray, the label map with `ignore_class`."""
    missing = tf.reduce_any(crop.before + crop.after > 0)
    # Padding by zero pixels would still copy the crop.
    return tuple(
        tf.cond(missing, functools.partial(_padded, pixels, crop, value), functools.partial(tf.identity, pixels))
        for pixels, value in ((image, PADDING_COLOR), (label, ignore_class))
    )


def _padded(pixels, crop, value):
    """Pads an image as a matrix with one row per pixel row, which is several times faster than with channels apart."""
    channels = pixels.shape[-1]
    shape = tf.shape(pixels)
    rows = tf.reshape(pixels, (shape[0], shape[1] * channels))
    rows = tf.pad(rows, tf.stack([crop.before, crop.after], axis=1) * [[1], [channels]], constant_values=value)
    return tf.reshape(rows, (*tf.unstack(crop.before + shape[:2] + crop.after), channels))


def _random_offset(seed, largest):
    """Draws integers between 0 and `largest`, both included."""
    share = tf.random.stateless_uniform(tf.shape(largest), seed)
    offset = tf.cast(share * tf.cast(largest + 1, tf.float32), tf.int32)
    return tf.minimum(offset, largest)


def _rounded(places, step):
    return tf.cast(tf.round(tf.cast(places, tf.float32) * step), tf.int32)


def _nearest(length, new_length):
    """Returns the pixels that `tf.image.resize` selects along an axis, by nearest neighbor."""
    step = tf.cast(length, tf.float32) / tf.cast(new_length, tf.float32)
    places = (tf.cast(tf.range(new_length), tf.float32) + 0.5) * step
    return tf.minimum(tf.cast(tf.floor(places), tf.int32), length - 1)
