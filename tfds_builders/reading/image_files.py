"""Images and label maps as files: decoded and checked.

This is the one reader of image files: for data sets, and for `hierseg predict`. What it returns is
exactly what viewers show of an image, and exactly the numbers that a label map holds; a file that
cannot be read so is refused by name. `image_header` has the rules.

TFDS by itself stores a file's bytes unchecked when it is given a path, reads a palette's colors in
place of its indices, and takes any id, so that a bad file would first show in training.
"""

import io
import re

import numpy as np
from etils import epath
from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin

from tfds_builders.reading import image_header
from tfds_builders.reading.file_problems import ImageFileError, counted_pixels
from tfds_builders.reading.image_header import MAX_BYTES, MAX_PIXELS

IMAGE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP"}
LABEL_FORMATS = {".png": "PNG"}
# Pillow's modes, of files with up to 8 bits per value.
IMAGE_MODES = ("RGB", "RGBA", "L", "LA", "P", "1")
LABEL_MODES = ("L", "P")
GRAY_MODES = ("L",)
# Pillow's versions differ.
UINT16_MODES = ("I;16", "I")
COLOR_MODES = ("RGB",)
UP_TO_8_BITS = (1, 2, 4, 8)
_ADVICE = {
    IMAGE_MODES: "Images are gray or RGB. Convert it first",
    LABEL_MODES: "Label maps hold class ids of up to 8 bits, not colors. Convert it first",
    GRAY_MODES: "The file holds 8-bit numbers in its original archive. Restore it from there",
    UINT16_MODES: "The file holds 16-bit numbers in its original archive. Restore it from there",
    COLOR_MODES: "The file is coded in colors in its original archive. Restore it from there",
}
# Not `Image.open`, which warns of sizes that are refused here, and takes a JPEG file's previews for an animation.
_OPEN = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
# Pillow stretches gray values of fewer than 8 bits to 0 .. 255.
_STRETCH = {2: 85, 4: 17}


def as_path(path):
    """`epath.Path(path)`, or `path` itself where it stands in for one already, as a `ZipPath` does."""
    return path if hasattr(path, "open") else epath.Path(path)


def read_image(path):
    """Decodes a file's pixels as viewers show them.

    Args:
        path: Path to a `.png`, `.jpg` or `.bmp` file, or a `ZipPath`.

    Returns:
        `(H, W, 3)` uint8: RGB, gray values three times, a palette's colors.

    Raises:
        ImageFileError: If the file is damaged, is not of the format that its name says, has more than 89
            megapixels or 8 bits per channel, or is CMYK, transparent, animated, or to be turned by its EXIF or
            XMP orientation. The message names the file. Pixels are not turned, because a label map does not say
            whether it was drawn on the turned image.
    """
    return decode_image(path, *_content(path, IMAGE_FORMATS))


def decode_image(name, kind, content):
    """Decodes the bytes of a file as `read_image` does.

    Args:
        name: Name of the file in errors.
        kind: Its format, a key of `image_header.SIGNATURES`.
        content: Its bytes.

    Returns, raises:
        As `read_image`.
    """
    image = _decoded(name, kind, content, IMAGE_MODES, UP_TO_8_BITS)
    if not image.has_transparency_data:
        return np.array(image.convert("RGB"))
    if image.mode == "L":
        # Pillow stretches pixels, and not the value that is transparent.
        image.info["transparency"] *= _STRETCH.get(image_header.png_bits(content), 1)
    pixels = np.array(image.convert("RGBA"))
    if pixels[..., 3].min() < 255:
        raise ImageFileError(f"{name}: {image_header.OPAQUE}")
    return np.ascontiguousarray(pixels[..., :3])


def stored_image(path, image):
    """Chooses what to store of an image.

    Args:
        path: As in `read_image`.
        image: What `read_image` returned.

    Returns:
        The file's own bytes where it is an RGB file of PNG or JPEG, which is many times faster than to
        encode it anew, and keeps a JPEG as small as it was. Otherwise `image`.
    """
    kind, content = _content(path, IMAGE_FORMATS)
    return content if kind != "BMP" and _OPEN[kind](io.BytesIO(content)).mode == "RGB" else image


def read_label(path):
    """Decodes a gray or palette PNG of 2 to 8 bits to `(H, W, 1)` uint8, the numbers as they were written: a
    palette's indices and never its colors. Raises `ImageFileError` as `read_image` does."""
    return decode_numbers(path, *_content(path, LABEL_FORMATS), LABEL_MODES)


def read_gray(path):
    """Decodes an 8-bit gray PNG to `(H, W, 1)` uint8. Raises `ImageFileError` as `read_image` does."""
    return decode_numbers(path, *_content(path, LABEL_FORMATS), GRAY_MODES, bits=(8,))


def read_uint16(path):
    """Decodes a 16-bit gray PNG to `(H, W, 1)` uint16. Raises `ImageFileError` as `read_image` does."""
    return decode_numbers(path, *_content(path, LABEL_FORMATS), UINT16_MODES, bits=(16,))


def decode_numbers(name, kind, content, modes=LABEL_MODES, bits=UP_TO_8_BITS):
    """Decodes the numbers that a gray PNG holds, or a palette PNG's indices, as they were written.

    Args:
        name, kind, content: As in `decode_image`.
        modes: Pillow's modes that are accepted.
        bits: Bits per value that are accepted.

    Returns:
        `(H, W, 1)` uint8, or uint16 of 16 bits.

    Raises:
        ImageFileError: As from `read_image`.
    """
    image = _decoded(name, kind, content, modes, bits)
    numbers, bits = np.array(image), image_header.png_bits(content)
    if image.mode == "L":
        numbers = numbers // _STRETCH.get(bits, 1)
    return numbers.astype(np.uint16 if bits == 16 else np.uint8)[..., None]


def read_colors(path, colors):
    """Decodes an RGB PNG whose colors stand for classes.

    Args:
        path: As in `read_image`.
        colors: `(R, G, B)` colors, each once, in the order of class ids. At most 256.

    Returns:
        `(H, W, 1)` uint8 class ids.

    Raises:
        ImageFileError: As from `read_image`, and if a color is not in the list, with its pixel count.
    """
    codes = _color_codes(np.array(colors, np.uint8))
    order = np.argsort(codes)
    kind, content = _content(path, LABEL_FORMATS)
    found = _color_codes(np.array(_decoded(path, kind, content, COLOR_MODES, bits=(8,))))
    ids = order[np.searchsorted(codes, found, sorter=order).clip(max=len(codes) - 1)]
    foreign = found[codes[ids] != found]
    if foreign.size:
        raise ImageFileError(
            f"{path}: expected the data set's {len(codes)} colors. "
            f"Received: {counted_pixels(foreign, lambda code: f'RGB {code >> 16}, {code >> 8 & 255}, {code & 255}')}. "
            "Restore it from the original archive; files that were scaled or stored as JPEG have blended colors"
        )
    return ids.astype(np.uint8)[..., None]


def _content(path, formats):
    """`(kind, content)`: the format that the file's name says, and its bytes, which begin as such a file does."""
    path = as_path(path)
    kind = formats.get(path.suffix.lower())
    if kind is None:
        *others, last = formats
        expected = f"{', '.join(others)} or {last}" if others else last
        raise ImageFileError(f"{path}: expected a file that ends in {expected}. Received: {path.name}")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except ImageFileError:
        raise
    # Beside OSError, what a damaged archive makes zipfile and zlib raise.
    except Exception as error:
        reason = getattr(error, "strerror", None) or _without_address(error)
        raise ImageFileError(f"{path}: expected a whole {kind} file. Received: {reason}") from error
    if len(content) > MAX_BYTES:
        raise ImageFileError(f"{path}: expected at most {MAX_BYTES:,} bytes. Received: more. It was not decoded")
    received = image_header.kind_of(content)
    if received != kind:
        raise ImageFileError(
            f"{path}: expected a {kind} file, as its name says. Received: {received}. Restore it, or name it as what "
            "it is"
        )
    return kind, content


def _decoded(name, kind, content, modes, bits):
    """A Pillow image with its pixels in memory, whose header was checked before a pixel was decoded."""
    try:
        image = _OPEN[kind](io.BytesIO(content))
        _check_header(name, kind, content, image, modes, bits)
        # Decoding alone does not look at the check sums of PNG.
        image.verify()
        # Pillow cannot decode what it has verified.
        image = _OPEN[kind](io.BytesIO(content))
        image.load()
    except ImageFileError:
        raise
    # Damaged bytes make Pillow raise OSError, SyntaxError, ValueError, struct.error and others.
    except Exception as error:
        raise ImageFileError(
            f"{name}: expected a whole {kind} file. Received: {_without_address(error)}. "
            "Restore it from the original archive"
        ) from error
    return image


def _check_header(name, kind, content, image, modes, bits):
    if not 0 < image.width * image.height <= MAX_PIXELS:
        raise ImageFileError(
            f"{name}: expected at most {MAX_PIXELS // 1_000_000} megapixels. Received: a header that says "
            f"{image.width} x {image.height} pixels. The file was not decoded"
        )
    if kind == "BMP" and not image_header.is_plain_bmp(content):
        raise ImageFileError(f"{name}: {image_header.PLAIN_BMP}")
    if kind == "BMP" and len(content) < image_header.bmp_length(content, image.width, image.height):
        raise ImageFileError(f"{name}: expected a whole BMP file. Received: fewer bytes than its header says")
    received_bits = image_header.png_bits(content) if kind == "PNG" else 8
    if image.mode not in modes or received_bits not in bits:
        raise ImageFileError(
            f"{name}: expected a {' or '.join(modes)} image (Pillow's modes) of {' or '.join(map(str, bits))} bits per "
            f"value. Received: {received_bits} bits per value, mode {image.mode}. {_ADVICE[modes]}"
        )
    if kind == "PNG" and image_header.is_animated(content):
        raise ImageFileError(f"{name}: {image_header.ONE_PICTURE}")
    orientation = kind != "BMP" and image_header.turned_by(content)
    if orientation:
        raise ImageFileError(f"{name}: {image_header.UPRIGHT.format(orientation)}")


def _color_codes(rgb):
    """A color as one number, `0xRRGGBB`."""
    return rgb.astype(np.int32) @ (1 << 16, 1 << 8, 1)


def _without_address(error):
    """Pillow's message less the memory address of the stream, so that equal faults read equal."""
    return re.sub(r" <[^>]*>", "", str(error)) or type(error).__name__
