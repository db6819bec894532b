"""Random changes of an image's colors."""

import tensorflow as tf

# The strengths of the code released with HSSN, which are those of SSD (Liu et al., ECCV 2016, after Howard 2013). Hue
# is a share of the color circle: 18 of the 180 steps in which 8-bit images store it.
BRIGHTNESS = 32.0
CONTRAST = SATURATION = (0.5, 1.5)
HUE = 0.1
# Mixed into an example's seed, so that the same numbers do not choose its crop.
_STREAM = 1


def distort(image, seed):
    """Changes brightness, contrast, saturation and hue of an image, each with probability 1/2.

    Brightness comes first: a number between -32 and 32 is added. Contrast multiplies the image by 0.5 to 1.5, with
    probability 1/2 before and otherwise after saturation and hue. Saturation is multiplied by 0.5 to 1.5, and hue is
    turned by up to a tenth of the color circle. Values are clipped to 0 .. 255 after each step.

    Args:
        image: Float tensor `(h, w, C)` in 0 .. 255. Channels after the first three, such as depth, stay.
        seed: Integer tensor `(2,)`.

    Returns:
        Float32 tensor of the same shape.
    """
    seeds = tf.unstack(tf.random.split(tf.random.experimental.stateless_fold_in(seed, _STREAM), 9))
    changes = (
        (_added, -BRIGHTNESS, BRIGHTNESS),
        (tf.multiply, *CONTRAST),
        (_saturated, *SATURATION),
        (_turned, -HUE, HUE),
        (tf.multiply, *CONTRAST),
    )
    # Contrast stands before and after the other colors, and is applied at one of both places.
    is_first = _is_chosen(seeds[0])
    allowed = (True, is_first, True, True, tf.logical_not(is_first))
    draws = (*seeds[1:5], seeds[2])
    amounts = (*seeds[5:9], seeds[6])
    colors, others = image[..., :3], image[..., 3:]
    for (change, low, high), is_allowed, draw, amount in zip(changes, allowed, draws, amounts):
        value = tf.random.stateless_uniform((), amount, low, high)
        chosen = tf.logical_and(is_allowed, _is_chosen(draw))
        colors = tf.cond(
            chosen, lambda c=change, x=colors, v=value: tf.clip_by_value(c(x, v), 0.0, 255.0), lambda x=colors: x
        )
    return tf.concat([colors, others], axis=-1)


def _is_chosen(seed):
    return tf.random.stateless_uniform((), seed) < 0.5


def _added(image, value):
    return image + value


def _saturated(image, factor):
    return tf.image.adjust_saturation(image / 255, factor) * 255


def _turned(image, share):
    return tf.image.adjust_hue(image / 255, share) * 255
