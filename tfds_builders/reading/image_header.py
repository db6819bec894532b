"""Checks the header of an image file before pixels are decoded.

`image_files` applies these rules to files. `hierseg_keras.export.encoded_images` applies the same numbers
and patterns inside a TensorFlow graph, where Pillow and Python are not available.
"""

import re

# Just below the size at which Pillow warns, because silencing the warning is not thread-safe.
MAX_PIXELS = 89_000_000
# The size of an uncompressed image of that many pixels in 16-bit RGB.
MAX_BYTES = 6 * MAX_PIXELS
# The first bytes of the formats that can be read.
SIGNATURES = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff", "BMP": b"BM"}
# The first bytes of other formats, to name them in errors.
_OTHER_SIGNATURES = {"GIF": b"GIF8", "TIFF": b"II*\0", "big-endian TIFF": b"MM\0*", "RIFF (WebP)": b"RIFF"}

# Positions of the bits per channel and the color type in a PNG file, and of the layout in a BMP file (little-endian).
PNG_BITS_AT, PNG_COLOR_TYPE_AT, PNG_ALPHA = 24, 25, 4
BMP_PIXELS_AT, BMP_HEADER_LENGTH_AT, BMP_BITS_AT, BMP_COMPRESSION_AT = 10, 14, 28, 30
BMP_HEADER_LENGTH, BMP_BITS = 40, 24

# Programs write metadata before the pixels or, in a PNG file, after them. This many bytes are searched at each end.
METADATA_BYTES = 1 << 17
# Patterns that have the same meaning in Python's `re` and TensorFlow's RE2. The chunk of an animated PNG:
ANIMATION = r"\x00\x00\x00\x08acTL"
# The chunks of a PNG file with pixels and with transparent colors:
PNG_PIXELS, PNG_TRANSPARENCY = "IDAT", "tRNS"
# EXIF data, in a chunk of a PNG file or a segment of a JPEG file:
EXIF_PREFIX = r"(?:eXIf|Exif\x00\x00)"
EXIF = EXIF_PREFIX + r"(?:II\*\x00|MM\x00\*)"
# The orientation in XMP data, which some programs write without EXIF data:
XMP_TURNED = r"tiff:Orientation(?:=[\"']|>)[2-8]"
MAX_EXIF_BYTES = 1 << 16
ORIENTATION_TAG, LONG = 0x0112, 4
TURNED = range(2, 9)

ONE_PICTURE = "expected one picture. Received: an animated PNG file. Save one frame"
PLAIN_BMP = "expected an uncompressed BMP file of 24 bits per pixel. Received: another kind of BMP file. Save it as PNG"
OPAQUE = "expected an opaque image. Received: transparent pixels. Flatten it first"
UPRIGHT = (
    "expected upright pixels. Received: {}, which viewers apply and decoders do not. Rotate the pixels, remove the tag"
)


def kind_of(content):
    """Returns the format of a file by its first bytes: a key of `SIGNATURES`, or a description for an error."""
    if not content:
        return "an empty file"
    for kind, signature in (SIGNATURES | _OTHER_SIGNATURES).items():
        if content.startswith(signature):
            return kind
    return "another format"


def png_bits(content):
    """Returns the bits per channel of a PNG file, or 0 if the file is too short."""
    return _number(content[PNG_BITS_AT : PNG_BITS_AT + 1], "big")


def is_plain_bmp(content):
    """Returns whether a BMP file has 24 bits per pixel and is not compressed."""
    length = _number(content[BMP_HEADER_LENGTH_AT : BMP_HEADER_LENGTH_AT + 4], "little")
    bits = _number(content[BMP_BITS_AT : BMP_BITS_AT + 2], "little")
    compression = _number(content[BMP_COMPRESSION_AT : BMP_COMPRESSION_AT + 4], "little")
    return length >= BMP_HEADER_LENGTH and bits == BMP_BITS and compression == 0


def bmp_length(content, width, height):
    """Returns the number of bytes of a plain BMP file of this size. Some programs append more bytes."""
    # A row is padded to a multiple of four bytes.
    return _number(content[BMP_PIXELS_AT : BMP_PIXELS_AT + 4], "little") + (3 * width + 3) // 4 * 4 * height


def is_animated(content):
    """Returns whether a PNG file contains several pictures."""
    return _found(ANIMATION, content[:METADATA_BYTES]) is not None


def turned_by(content):
    """Returns the orientation by which viewers turn or mirror a PNG or JPEG file, as text, or `None` if upright."""
    content = content[:METADATA_BYTES] + content[METADATA_BYTES:][-METADATA_BYTES:]
    exif = _found(EXIF, content)
    if exif is not None:
        start = exif.start() + len(_found(EXIF_PREFIX, exif[0])[0])
        # A directory that extends beyond the data is read with zeros appended.
        tiff = content[start : start + MAX_EXIF_BYTES].ljust(MAX_EXIF_BYTES, b"\0")
        for orientation in set(_exif_orientations(tiff)) & set(TURNED):
            return f"EXIF orientation {orientation}"
    xmp = _found(XMP_TURNED, content)
    return xmp and f"XMP orientation {xmp[0][-1:].decode()}"


def _exif_orientations(tiff):
    order = "little" if tiff.startswith(b"II") else "big"
    start = min(_number(tiff[4:8], order), MAX_EXIF_BYTES - 2)
    entries = tiff[start + 2 :][: 12 * _number(tiff[start : start + 2], order)]
    for place in range(0, len(entries) - 11, 12):
        entry = entries[place : place + 12]
        length = 4 if _number(entry[2:4], order) == LONG else 2
        if _number(entry[:2], order) == ORIENTATION_TAG:
            yield _number(entry[8 : 8 + length], order)


def _found(pattern, content):
    return re.search(pattern.encode(), content)


def _number(some_bytes, order):
    return int.from_bytes(some_bytes, order)
