"""Decodes image files inside a TensorFlow graph, with the results of `tfds_builders.reading.image_files`.

Importing this module imports TFDS.
"""

import tensorflow as tf

from tfds_builders.reading import image_header as rules

# All numbers that the header rules read are within these first bytes.
_HEADER_BYTES = 34
# Positions of width and height in a PNG file and in a BMP file.
_PNG_SIZE_AT, _BMP_SIZE_AT = 16, 18
_CMYK_CHANNELS = 4
_OPAQUE = 255

_FORMATS = "expected a PNG, JPEG or BMP file. Received: another format, or an empty file. Convert it first"
_EIGHT_BITS = "expected 8 bits per channel or fewer. Received: 16 bits per channel. Convert it first"
_RGB = "expected gray or RGB. Received: a JPEG file with CMYK colors. Convert it first"
_WHOLE = "expected a complete image. Received: a damaged or truncated file. Save or send it again"


def decode_image(encoded, name):
    """Decodes the bytes of an image file.

    The pixels equal those of `tfds_builders.reading.image_files.read_image`, and the same files raise errors.
    TensorFlow's own `tf.io.decode_image` differs: its JPEG values are up to 60 off, because it uses a
    faster decoder; it drops the lower half of 16-bit values; and it drops transparency.

    Args:
        encoded: String scalar, the bytes of a PNG, JPEG or BMP file.
        name: String scalar, name of the file in errors.

    Returns:
        Uint8 tensor `(H, W, 3)`.

    Raises:
        tf.errors.InvalidArgumentError: When the graph runs, if the file is damaged or in another format; has
            more than 89 megapixels, or more than 8 bits per channel; is CMYK, transparent or animated; or has an
            EXIF or XMP orientation that would turn it.
    """
    with tf.control_dependencies([readable_size(encoded, name)]):
        return decode_readable_image(tf.identity(encoded), name)


def readable_size(encoded, name):
    """Checks everything about an image file that can be checked before its pixels are decoded.

    Args:
        encoded, name: As in `decode_image`.

    Returns:
        Height and width from the file's header, int64 `(2,)`.

    Raises:
        tf.errors.InvalidArgumentError: As in `decode_image`.
    """
    is_kind = _is_kind(encoded)
    size = _size(encoded, is_kind)
    with tf.control_dependencies([_assert_readable(encoded, is_kind, size, name)]):
        return tf.identity(size)


def decode_readable_image(encoded, name):
    """Decodes the bytes of an image file that `readable_size` has checked. Args and returns as in `decode_image`."""
    pixels = _result_or_empty(_decode, encoded, tf.zeros((0, 0, 3), tf.uint8))
    with tf.control_dependencies([_assert(tf.size(pixels) > 0, name, _WHOLE)]):
        is_opaque = tf.reduce_all(pixels[..., 3:] == _OPAQUE)
    with tf.control_dependencies([_assert(is_opaque, name, rules.OPAQUE)]):
        return tf.ensure_shape(pixels[..., :3], (None, None, 3))


def _decode(encoded):
    """Decodes the bytes of an image file to three or four channels."""
    is_kind = _is_kind(encoded)

    def decode_png():
        # Decoding a fourth channel takes time, and below 8 bits per value TensorFlow invents a transparent one.
        four, three = (lambda: tf.io.decode_png(encoded, channels=4), lambda: tf.io.decode_png(encoded, channels=3))
        return tf.cond(_may_have_alpha(encoded), four, three)

    def decode_jpeg():
        return tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")

    def decode_bmp():
        # TensorFlow raises an error if there are bytes after the pixels.
        return tf.io.decode_bmp(tf.strings.substr(encoded, tf.constant(0, tf.int64), _bmp_length(encoded)), channels=3)

    return tf.case([(is_kind["PNG"], decode_png), (is_kind["JPEG"], decode_jpeg)], default=decode_bmp)


def _result_or_empty(function, encoded, empty):
    """Returns `function(encoded)`, or `empty` if it raises an error.

    The errors of TensorFlow's decoders do not name the file, and nothing but a `tf.data.Dataset` can catch them in a
    graph.
    """
    attempt = tf.data.Dataset.from_tensors(encoded).map(function).ignore_errors()
    return attempt.concatenate(tf.data.Dataset.from_tensors(empty)).take(1).get_single_element()


def _size(encoded, is_kind):
    """Reads height and width of an image file from its header: int64 `(2,)`, zeros for other formats."""
    header = _header(encoded)

    def size_of_png():
        width, height = (_number(header[at : at + 4], is_little=False) for at in (_PNG_SIZE_AT, _PNG_SIZE_AT + 4))
        return tf.stack([height, width])

    cases = [
        (is_kind["PNG"], size_of_png),
        (is_kind["JPEG"], lambda: tf.cast(_jpeg_shape(encoded)[:2], tf.int64)),
        (is_kind["BMP"], lambda: _bmp_size(header)),
    ]
    return tf.case(cases, default=lambda: tf.zeros(2, tf.int64))


def _jpeg_shape(encoded):
    """Reads height, width and number of channels from a JPEG file's header: int32 `(3,)`, zeros if it is damaged."""
    return _result_or_empty(tf.io.extract_jpeg_shape, encoded, tf.zeros(3, tf.int32))


def _bmp_size(header):
    width, height = (_number(header[at : at + 4], is_little=True) for at in (_BMP_SIZE_AT, _BMP_SIZE_AT + 4))
    # The height is negative (here: above 2**31) if rows go from top to bottom.
    return tf.stack([tf.minimum(height, 2**32 - height), width])


def _bmp_length(encoded):
    header = _header(encoded)
    height, width = tf.unstack(_bmp_size(header))
    return _number(header[rules.BMP_PIXELS_AT :][:4], is_little=True) + (3 * width + 3) // 4 * 4 * height


def _assert_readable(encoded, is_kind, size, name):
    """Asserts every rule that can be checked before pixels are decoded."""
    is_png, is_jpeg, is_bmp = (is_kind[kind] for kind in ("PNG", "JPEG", "BMP"))
    num_pixels = tf.reduce_prod(size)
    too_large = tf.strings.format(
        f"expected at most {rules.MAX_PIXELS // 1_000_000} megapixels. Received: {{}} x {{}} pixels, by its header. "
        "The file was not decoded",
        (size[1], size[0]),
    )
    problems = [
        (~(is_png | is_jpeg | is_bmp), _FORMATS),
        (num_pixels <= 0, _WHOLE),
        (num_pixels > rules.MAX_PIXELS, too_large),
        (is_bmp & ~_is_plain_bmp(encoded), rules.PLAIN_BMP),
        (is_png & (_header(encoded)[rules.PNG_BITS_AT] > 8), _EIGHT_BITS),
        (_num_jpeg_channels(encoded, is_jpeg) == _CMYK_CHANNELS, _RGB),
        (is_png & _is_animated(encoded), rules.ONE_PICTURE),
        (~is_bmp & _is_turned(encoded), rules.UPRIGHT.format("an EXIF or XMP orientation")),
    ]
    problem = tf.constant("")
    for is_found, message in reversed(problems):
        problem = tf.where(is_found, message, problem)
    return _assert(problem == "", name, problem)


def _assert(condition, name, problem):
    return tf.debugging.Assert(condition, [tf.strings.join([name, ": ", problem, "."])])


# === The rules of `tfds_builders.reading.image_header` ===


def _is_kind(encoded):
    return {kind: tf.strings.substr(encoded, 0, len(start)) == start for kind, start in rules.SIGNATURES.items()}


def _num_jpeg_channels(encoded, is_jpeg):
    return tf.cond(is_jpeg, lambda: _jpeg_shape(encoded)[2], lambda: 0)


def _is_plain_bmp(encoded):
    header = _header(encoded)
    length = _number(header[rules.BMP_HEADER_LENGTH_AT :][:4], is_little=True)
    bits = _number(header[rules.BMP_BITS_AT :][:2], is_little=True)
    compression = _number(header[rules.BMP_COMPRESSION_AT :][:4], is_little=True)
    return (length >= rules.BMP_HEADER_LENGTH) & (bits == rules.BMP_BITS) & (compression == 0)


def _may_have_alpha(encoded):
    """Returns whether a PNG file has an alpha channel, or may have a transparency table before its pixels."""
    has_channel = tf.bitwise.bitwise_and(_header(encoded)[rules.PNG_COLOR_TYPE_AT], rules.PNG_ALPHA) != 0
    start = tf.strings.substr(encoded, 0, rules.METADATA_BYTES)
    ahead = tf.strings.regex_replace(start, rules.PNG_PIXELS + r"\C*", "", replace_global=False)
    is_unknown = tf.strings.length(ahead) == tf.strings.length(start)
    return has_channel | _is_found(rules.PNG_TRANSPARENCY, ahead) | is_unknown


def _is_animated(encoded):
    return _is_found(rules.ANIMATION, tf.strings.substr(encoded, 0, rules.METADATA_BYTES))


def _is_turned(encoded):
    length = tf.strings.length(encoded)
    end = tf.clip_by_value(length - rules.METADATA_BYTES, 0, rules.METADATA_BYTES)
    metadata = tf.strings.substr(encoded, 0, rules.METADATA_BYTES) + tf.strings.substr(encoded, length - end, end)
    # The pattern extends to the end of the bytes, so removing the match leaves what comes before it.
    before = tf.strings.regex_replace(metadata, rules.EXIF + r"\C*", "", replace_global=False)
    exif = tf.strings.substr(metadata, tf.strings.length(before), rules.MAX_EXIF_BYTES)
    tiff = tf.strings.regex_replace(exif, "^" + rules.EXIF_PREFIX, "", replace_global=False)
    return _is_found(rules.XMP_TURNED, metadata) | _exif_is_turned(_bytes(tiff, rules.MAX_EXIF_BYTES))


def _exif_is_turned(tiff):
    is_little = tiff[0] == ord("I")
    start = tf.minimum(_number(tiff[4:8], is_little), rules.MAX_EXIF_BYTES - 2)
    count = tf.minimum(_number(tiff[start : start + 2], is_little), (rules.MAX_EXIF_BYTES - 2 - start) // 12)
    entries = tf.reshape(tiff[start + 2 : start + 2 + 12 * count], (-1, 12))
    is_orientation = _number(entries[:, :2], is_little) == rules.ORIENTATION_TAG
    is_long = _number(entries[:, 2:4], is_little) == rules.LONG
    value = tf.where(is_long, _number(entries[:, 8:12], is_little), _number(entries[:, 8:10], is_little))
    is_turned = (value >= rules.TURNED.start) & (value < rules.TURNED.stop)
    return tf.reduce_any(is_orientation & is_turned)


def _is_found(pattern, encoded):
    return tf.strings.regex_full_match(encoded, rf"\C*{pattern}\C*")


def _header(encoded):
    return _bytes(encoded, _HEADER_BYTES)


def _bytes(encoded, length):
    """Returns the first bytes as int64 `(length,)`, filled up with zeros."""
    return tf.cast(tf.io.decode_raw(encoded, tf.uint8, fixed_length=length), tf.int64)


def _number(some_bytes, is_little):
    """Returns the integer whose bytes are the last axis."""
    shifts = 8 * tf.range(some_bytes.shape[-1] or tf.shape(some_bytes)[-1], dtype=tf.int64)
    shifts = tf.where(is_little, shifts, tf.reverse(shifts, [0]))
    return tf.reduce_sum(tf.bitwise.left_shift(some_bytes, shifts), axis=-1)
