"""Random scale, crop and flip of an image together with its label map.

Each step is a short function of `(image, label, seed)`, whatever the image's channels. Label maps
are only ever moved, never interpolated, and whatever lies outside an image is `ignore_class`.
"""

import tensorflow as tf

# Mid-grey, which networks that scale 0 .. 255 to [-1, 1] see as 0.
PADDING_COLOUR = 127.5


def resize(image, label, size):
    """Resizes, the image by area averaging, the label map by nearest neighbour.

    Args:
        image: Float or uint8 tensor `(h, w, C)`.
        label: Integer tensor `(h, w, 1)`.
        size: `(H, W)`, or an integer: the length of the shorter side, the longer one's following in proportion.
    """
    if isinstance(size, int):
        size = _size_of_shorter_side(tf.shape(image)[:2], size)
    return tf.image.resize(image, size, method="area"), tf.image.resize(label, size, method="nearest")


def random_scaled_crop(image, label, scale_seed, crop_seed, scale_range, crop_size, ignore_class):
    """Resizes by a random factor and cuts out `crop_size` at a random place; what is smaller is padded around.

    Only what the crop shows is resampled: the window of the image, in whole pixels, that is nearest to
    the crop. A pixel lies within one of the image's own of where it would lie had all been resized.

    Args:
        image: Float or uint8 tensor `(h, w, C)`.
        label: Integer tensor `(h, w, 1)`.
        scale_seed, crop_seed: Int tensors `(2,)`.
        scale_range: Smallest and largest factor, or `None` for none.
        crop_size: Pair of integers.
        ignore_class: Integer label of the padding.

    Returns:
        Float32 image `(*crop_size, C)`, bilinear, and int32 label `(*crop_size, 1)`, nearest neighbour.
    """
    size, channels = tf.shape(image)[:2], image.shape[-1]
    if scale_range:
        factor = tf.random.stateless_uniform((), scale_seed, *scale_range)
        size = tf.maximum(tf.cast(tf.round(tf.cast(size, tf.float32) * factor), tf.int32), 1)
    place_seed, offset_seed = tf.unstack(tf.random.split(crop_seed, 2))
    missing = tf.maximum(crop_size - size, 0)
    before = _random_offset(place_seed, missing)
    offset = _random_offset(offset_seed, size + missing - crop_size)
    extent = tf.minimum(size, crop_size)
    image, label = _resized_window(image, label, size, offset, extent)
    padding = tf.concat([tf.stack([before, missing - before], axis=1), [[0, 0]]], axis=0)

    def pad():
        return (
            tf.pad(image, padding, constant_values=PADDING_COLOUR),
            tf.pad(label, padding, constant_values=ignore_class),
        )

    # Padding by nothing would copy all of the crop.
    image, label = tf.cond(tf.reduce_any(missing > 0), pad, lambda: (image, label))
    return tf.ensure_shape(image, (*crop_size, channels)), tf.ensure_shape(label, (*crop_size, 1))


def random_flip(image, label, seed, swap=None):
    """Mirrors left and right in one case of two.

    Args:
        image: Float tensor `(h, w, C)`.
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


def _size_of_shorter_side(size, length):
    return tf.cast(tf.round(size * length / tf.reduce_min(size)), tf.int32)


def _random_offset(seed, largest):
    """Integers between 0 and `largest`, both ends included."""
    share = tf.random.stateless_uniform(tf.shape(largest), seed)
    offset = tf.cast(share * tf.cast(largest + 1, tf.float32), tf.int32)
    return tf.minimum(offset, largest)


def _resized_window(image, label, size, offset, extent):
    """The `extent` pixels from `offset` on of an image and its label map resized to `size`, float32 and int32."""
    whole = tf.shape(image)[:2]
    step = tf.cast(whole, tf.float32) / tf.cast(size, tf.float32)
    first = tf.minimum(_rounded(offset, step), whole - 1)
    last = tf.maximum(_rounded(offset + extent, step), first + 1)
    image = tf.image.resize(image[first[0] : last[0], first[1] : last[1]], extent)
    rows, columns = (first[axis] + _nearest(last[axis] - first[axis], extent[axis]) for axis in (0, 1))
    # Whole rows are gathered several times faster than single pixels are, and so are columns that lie as rows.
    label = tf.transpose(tf.gather(tf.transpose(tf.gather(label[..., 0], rows)), columns))[..., None]
    return image, tf.cast(label, tf.int32)


def _rounded(places, step):
    return tf.cast(tf.round(tf.cast(places, tf.float32) * step), tf.int32)


def _nearest(length, new_length):
    """Which pixels of an axis `tf.image.resize` takes when it resizes `length` of them to `new_length`."""
    step = tf.cast(length, tf.float32) / tf.cast(new_length, tf.float32)
    places = (tf.cast(tf.range(new_length), tf.float32) + 0.5) * step
    return tf.minimum(tf.cast(tf.floor(places), tf.int32), length - 1)
