"""The size of an image whose shorter side gets a new length."""


def proportional_length(length, shorter, new_shorter):
    """Computes the new length of a side of an image, so that the aspect ratio is kept.

    Training and prediction both use it, so that they resize an image to the same size.

    Args:
        length: Length of the side in pixels: an integer, or an integer tensor.
        shorter: Length of the shorter side, likewise.
        new_shorter: Integer, the new length of the shorter side.

    Returns:
        `length * new_shorter / shorter`, rounded to the nearest integer, and halves to the even one.

    Example:

    >>> [proportional_length(length, 360, 90) for length in (360, 480, 482, 486)]
    [90, 120, 120, 122]
    """
    # Integers, because float32 rounds products above 2^24, and float64 is missing on some devices. None is negative,
    # because ONNX rounds negative quotients up.
    numerator, denominator = 2 * length * new_shorter + shorter, 2 * shorter
    rounded, remainder = numerator // denominator, numerator % denominator
    # 1 if the quotient lies halfway between two integers, where `rounded` is the larger one, and otherwise 0.
    is_halfway = (denominator - 1 - remainder) // (denominator - 1)
    return rounded - rounded % 2 * is_halfway
