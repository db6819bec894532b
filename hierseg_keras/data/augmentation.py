"""Random scale, crop and flip of an image together with its label map.

Each step is a short function of `(image, label, seed)`. Label maps are only ever moved, never
interpolated, and whatever lies outside an image is `ignore_class`.
"""

import tensorflow as tf

# Mid-grey, which networks that scale 0 .. 255 to [-1, 1] see as 0.
PADDING_COLOUR = 127.5


def resize(image, label, size):
    """Resizes to `(H, W)`: the image by area averaging, the label map by nearest neighbour.

    Args:
        image: Float tensor `(h, w, 3)`.
        label: Integer tensor `(h, w, 1)`.
        size: Pair of integers.
    """
    return tf.image.resize(image, size, method="area"), tf.image.resize(label, size, method="nearest")


def random_scale(image, label, seed, scale_range):
    """Resizes by a factor drawn uniformly from `scale_range`."""
    factor = tf.random.stateless_uniform((), seed, *scale_range)
    size = tf.cast(tf.shape(image)[:2], tf.float32) * factor
    size = tf.maximum(tf.cast(tf.round(size), tf.int32), 1)
    return tf.image.resize(image, size), tf.image.resize(label, size, method="nearest")


def random_crop(image, label, seed, crop_size, ignore_class):
    """Cuts out `crop_size` at a random place; a smaller image is padded, at a random place too."""
    size = tf.shape(image)[:2]
    crop_size = tf.constant(crop_size, tf.int32)
    place_seed, crop_seed = tf.unstack(tf.random.split(seed, 2))
    missing = tf.maximum(crop_size - size, 0)
    before = _random_offset(place_seed, missing)
    padding = tf.stack([before, missing - before], axis=1)
    padding = tf.concat([padding, [[0, 0]]], axis=0)
    image = tf.pad(image, padding, constant_values=PADDING_COLOUR)
    label = tf.pad(label, padding, constant_values=ignore_class)
    top, left = tf.unstack(_random_offset(crop_seed, tf.shape(image)[:2] - crop_size))
    height, width = tf.unstack(crop_size)
    return (
        tf.image.crop_to_bounding_box(image, top, left, height, width),
        tf.image.crop_to_bounding_box(label, top, left, height, width),
    )


def random_flip(image, label, seed, swap=None):
    """Mirrors left and right in one case of two.

    Args:
        image: Float tensor `(h, w, 3)`.
        label: Integer tensor `(h, w, 1)` of node indices or anything outside them.
        seed: Int tensor `(2,)`.
        swap: Optional `(V,)` table from `ClassTree.swap`, the node that each becomes.
    """

    def flip():
        mirrored = label
        if swap is not None:
            is_node = (label >= 0) & (label < len(swap))
            mirrored = tf.where(is_node, tf.gather(swap, tf.where(is_node, label, 0)), label)
        return tf.reverse(image, [1]), tf.reverse(mirrored, [1])

    return tf.cond(tf.random.stateless_uniform((), seed) < 0.5, flip, lambda: (image, label))


def _random_offset(seed, largest):
    """Integers between 0 and `largest`, both ends included."""
    share = tf.random.stateless_uniform(tf.shape(largest), seed)
    offset = tf.cast(share * tf.cast(largest + 1, tf.float32), tf.int32)
    return tf.minimum(offset, largest)
