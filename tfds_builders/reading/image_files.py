"""Decodes and checks image files and label maps.

Data sets and `hierseg predict` read all image files through this module. It returns the pixels of an
image exactly as viewers show them, and the numbers of a label map exactly as they are stored. For any
other file it raises an error with the file's name. `image_header` contains the rules.

TFDS itself stores the bytes of a file without checking them, reads the colors of a palette instead of
its indices, and accepts any id, so that a bad file would be noticed only in training.
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
# The mode depends on the version of Pillow.
UINT16_MODES = ("I;16", "I")
ID_MODES = LABEL_MODES + UINT16_MODES + ("1",)
COLOR_MODES = ("RGB",)
UP_TO_8_BITS = (1, 2, 4, 8)
UP_TO_16_BITS = (*UP_TO_8_BITS, 16)
# What Pillow's modes mean.
_COLORS = {
    "RGB": "RGB colors",
    "RGBA": "RGB colors with opacity",
    "L": "gray values",
    "LA": "gray values with opacity",
    "P": "a palette",
    "1": "black and white",
    "I;16": "gray values",
    "I": "gray values",
    "CMYK": "CMYK colors",
}
_ADVICE = {
    IMAGE_MODES: "Images are gray or RGB. Convert it first",
    LABEL_MODES: "Label maps hold class ids of up to 8 bits, not colors. Convert it first",
    GRAY_MODES: "The original file holds 8-bit numbers. Restore it from its archive",
    ID_MODES: "Masks of class ids are gray or palette PNGs. For RGB masks, use the format `colors`",
    UINT16_MODES: "The original file holds 16-bit numbers. Restore it from its archive",
    COLOR_MODES: "The original file holds colors. Restore it from its archive",
}
# Not `Image.open`: it warns about sizes that raise an error here, and takes previews in a JPEG for an animation.
_OPEN = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
# Pillow scales gray values of fewer than 8 bits to 0 .. 255.
_STRETCH = {2: 85, 4: 17}


def as_path(path):
    """Returns `epath.Path(path)`, or `path` itself if it has the methods of one, like `ZipPath`."""
    return path if hasattr(path, "open") else epath.Path(path)


def read_image(path):
    """Decodes the pixels of an image file as viewers show them.

    Args:
        path: Path of a `.png`, `.jpg` or `.bmp` file, or a `ZipPath`.

    Returns:
        Uint8 array `(H, W, 3)`, RGB. Gray images have three equal channels; palettes are replaced by their colors.

    Raises:
        ImageFileError: If the file is damaged; is not in the format of its suffix; has more than 89 megapixels,
            or more than 8 bits per channel; is CMYK, transparent or animated; or has an EXIF or XMP orientation
            that would turn it. The error names the file. Pixels are never turned, because it is not known
            whether a label map was drawn on the turned image.
    """
    return decode_image(path, *_content(path, IMAGE_FORMATS))


def decode_image(name, kind, content):
    """Decodes the bytes of a file as `read_image` does.

    Args:
        name: String, name of the file in errors.
        kind: String, format of the file, a key of `image_header.SIGNATURES`.
        content: Bytes of the file.

    Returns:
        Uint8 array `(H, W, 3)`, as from `read_image`.

    Raises:
        ImageFileError: As from `read_image`.
    """
    image = _decoded(name, kind, content, IMAGE_MODES, UP_TO_8_BITS)
    if not image.has_transparency_data:
        return np.array(image.convert("RGB"))
    if image.mode == "L":
        # Pillow scales the pixels, but not the value that stands for transparent.
        image.info["transparency"] *= _STRETCH.get(image_header.png_bits(content), 1)
    pixels = np.array(image.convert("RGBA"))
    if pixels[..., 3].min() < 255:
        raise ImageFileError(f"{name}: {image_header.OPAQUE}")
    return np.ascontiguousarray(pixels[..., :3])


def stored_image(path, image):
    """Returns the form in which TFDS stores an image.

    Args:
        path: As in `read_image`.
        image: Array that `read_image` returned.

    Returns:
        The bytes of the file if it is an RGB image in PNG or JPEG. Storing them is many times faster than
        encoding the image again, and keeps the small size of a JPEG file. Otherwise `image`.
    """
    kind, content = _content(path, IMAGE_FORMATS)
    return content if kind != "BMP" and _OPEN[kind](io.BytesIO(content)).mode == "RGB" else image


def read_label(path):
    """Decodes a gray or palette PNG of up to 8 bits to its stored numbers, uint8 `(H, W, 1)`.

    Of a palette these are the indices, never the colors. Raises `ImageFileError` as `read_image` does.
    """
    return decode_numbers(path, *_content(path, LABEL_FORMATS), LABEL_MODES)


def read_gray(path):
    """Decodes an 8-bit gray PNG to uint8 `(H, W, 1)`. Raises `ImageFileError` as `read_image` does."""
    return decode_numbers(path, *_content(path, LABEL_FORMATS), GRAY_MODES, bits=(8,))


def read_uint16(path):
    """Decodes a 16-bit gray PNG to uint16 `(H, W, 1)`. Raises `ImageFileError` as `read_image` does."""
    return decode_numbers(path, *_content(path, LABEL_FORMATS), UINT16_MODES, bits=(16,))


def read_ids(path):
    """Decodes a gray PNG of up to 16 bits or a palette PNG to its stored numbers, uint8 or uint16 `(H, W, 1)`.

    Of a palette these are the indices, never the colors. Raises `ImageFileError` as `read_image` does.
    """
    return decode_numbers(path, *_content(path, LABEL_FORMATS), ID_MODES, UP_TO_16_BITS)


def read_color_codes(path):
    """Decodes the colors of an opaque PNG of up to 8 bits per channel to integers 0xRRGGBB, int32 `(H, W)`.

    Palettes are replaced by their colors. Raises `ImageFileError` as `read_image` does.
    """
    return _color_codes(decode_image(path, *_content(path, LABEL_FORMATS)))


def read_palette(path):
    """Returns the palette of a PNG, int32 colors 0xRRGGBB. It is empty for other PNGs. Raises `ImageFileError`."""
    image = _decoded(path, *_content(path, LABEL_FORMATS), ID_MODES, UP_TO_16_BITS)
    palette = image.getpalette() if image.mode == "P" else None
    return _color_codes(np.array(palette or [], np.uint8).reshape(-1, 3))


def decode_numbers(name, kind, content, modes=LABEL_MODES, bits=UP_TO_8_BITS):
    """Decodes the stored numbers of a gray PNG, or the indices of a palette PNG.

    Args:
        name, kind, content: As in `decode_image`.
        modes: Tuple of strings, accepted modes of Pillow. Defaults to gray and palette.
        bits: Tuple of integers, accepted bits per value. Defaults to 1, 2, 4 and 8.

    Returns:
        Uint8 array `(H, W, 1)`, or uint16 for 16 bits.

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
        colors: List of at most 256 different colors `(R, G, B)`, in the order of class ids.

    Returns:
        Uint8 array `(H, W, 1)` of class ids.

    Raises:
        ImageFileError: As from `read_image`; or if a color is not in the list, with its pixel count.
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
    """Returns `(kind, content)`: the format of the file's suffix, and its bytes, which are checked to begin so."""
    path = as_path(path)
    kind = formats.get(path.suffix.lower())
    if kind is None:
        raise ImageFileError(f"{path}: expected a file that ends in {_listed(formats)}. Received: {path.name}")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except ImageFileError:
        raise
    except FileNotFoundError:
        raise ImageFileError(f"{path}: expected a {kind} file. Received: nothing there. Correct the path") from None
    # OSError, or the errors that zipfile and zlib raise for a damaged archive.
    except Exception as error:
        reason = getattr(error, "strerror", None) or _without_address(error)
        raise ImageFileError(f"{path}: expected a complete {kind} file. Received: {reason}") from error
    if len(content) > MAX_BYTES:
        raise ImageFileError(f"{path}: expected at most {MAX_BYTES:,} bytes. Received: more. It was not decoded")
    received = image_header.kind_of(content)
    if received != kind:
        raise ImageFileError(
            f"{path}: expected a {kind} file, by its suffix. Received: {received}. Restore it, or correct its suffix"
        )
    return kind, content


def _decoded(name, kind, content, modes, bits):
    """Returns a Pillow image with its pixels in memory, after checking its header."""
    try:
        image = _OPEN[kind](io.BytesIO(content))
        _check_header(name, kind, content, image, modes, bits)
        # Decoding alone does not compare the checksums of PNG.
        image.verify()
        # Pillow cannot decode an image after `verify`.
        image = _OPEN[kind](io.BytesIO(content))
        image.load()
    except ImageFileError:
        raise
    # Damaged bytes make Pillow raise OSError, SyntaxError, ValueError, struct.error and others.
    except Exception as error:
        raise ImageFileError(
            f"{name}: expected a complete {kind} file. Received: {_without_address(error)}. Restore the original file"
        ) from error
    return image


def _listed(values):
    """Lists values without repetition: `1, 2 or 4`."""
    *others, last = dict.fromkeys(map(str, values))
    return f"{', '.join(others)} or {last}" if others else last


def _check_header(name, kind, content, image, modes, bits):
    if not 0 < image.width * image.height <= MAX_PIXELS:
        raise ImageFileError(
            f"{name}: expected at most {MAX_PIXELS // 1_000_000} megapixels. Received: "
            f"{image.width} x {image.height} pixels, by its header. The file was not decoded"
        )
    if kind == "BMP" and not image_header.is_plain_bmp(content):
        raise ImageFileError(f"{name}: {image_header.PLAIN_BMP}")
    if kind == "BMP" and len(content) < image_header.bmp_length(content, image.width, image.height):
        raise ImageFileError(f"{name}: expected a complete BMP file. Received: fewer bytes than its header says")
    received_bits = image_header.png_bits(content) if kind == "PNG" else 8
    if image.mode not in modes or received_bits not in bits:
        expected = _listed(_COLORS[mode] for mode in modes)
        raise ImageFileError(
            f"{name}: expected {expected}, of {_listed(bits)} bits per value. Received: "
            f"{_COLORS.get(image.mode, image.mode)}, of {received_bits} bits per value. {_ADVICE[modes]}"
        )
    if kind == "PNG" and image_header.is_animated(content):
        raise ImageFileError(f"{name}: {image_header.ONE_PICTURE}")
    orientation = kind != "BMP" and image_header.turned_by(content)
    if orientation:
        raise ImageFileError(f"{name}: {image_header.UPRIGHT.format(orientation)}")


def _color_codes(rgb):
    """Returns each color as one integer, `0xRRGGBB`."""
    # Several times faster than a product with integers.
    red, green, blue = (rgb[..., channel].astype(np.int32) for channel in range(3))
    return red << 16 | green << 8 | blue


def _without_address(error):
    """Returns Pillow's message without the memory address of the stream, so that equal errors have equal text."""
    return re.sub(r" <[^>]*>", "", str(error)) or type(error).__name__
