"""Images and label maps as files: decoded and checked.

A file that passes here holds what it seems to hold. TFDS by itself stores a file's bytes
unchecked when it is given a path, reads a palette's colours in place of its indices, and takes
any id, so that a bad file would first show in training.
"""

import re

import numpy as np
from etils import epath
from PIL import Image

# Just below where Pillow warns: to silence its warning is not safe among threads.
MAX_PIXELS = 89_000_000
IMAGE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
LABEL_FORMATS = {".png": "PNG"}
IMAGE_MODES = ("RGB", "RGBA", "L", "P")
LABEL_MODES = ("L", "P")
GREY_MODES = ("L",)
# Pillow's versions differ.
UINT16_MODES = ("I;16", "I")
COLOUR_MODES = ("RGB",)
SHOWN_PROBLEMS = 50
SHOWN_VALUES = 20
_ADVICE = {
    IMAGE_MODES: "Images are 8-bit. Convert it first",
    LABEL_MODES: "Label maps hold 8-bit class ids, not colours. Convert it first",
    GREY_MODES: "The file holds 8-bit numbers in its original archive. Restore it from there",
    UINT16_MODES: "The file holds 16-bit numbers in its original archive. Restore it from there",
    COLOUR_MODES: "The file is coded in colours in its original archive. Restore it from there",
}
_EXIF_ORIENTATION = 0x0112
_UPRIGHT = 1


class ImageFileError(ValueError):
    """Files on disk that cannot make up the data set.

    Args:
        problems: A string, or a list of them: every problem found, each naming its file.

    Attributes:
        problems: The same as a list, whole; the message shows the first 50.
    """

    def __init__(self, problems):
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        lines = self.problems[:SHOWN_PROBLEMS]
        if len(self.problems) > len(lines):
            lines.append(f"... and {len(self.problems) - len(lines)} more")
        super().__init__("\n".join(lines))


# === Files to arrays ===


def as_path(path):
    """`epath.Path(path)`, or `path` itself where it stands in for one already, as a `ZipPath` does."""
    return path if hasattr(path, "open") else epath.Path(path)


def read_image(path):
    """Decodes an RGB, grey or palette image to `(H, W, 3)` uint8.

    Args:
        path: Path to a `.png` or `.jpg` file, or a `ZipPath`.

    Raises:
        ImageFileError: That names the file, where it is damaged, of another kind than its name says, too large,
            or of a mode that cannot be read without a guess.
    """
    image = _decoded(path, IMAGE_FORMATS, IMAGE_MODES)
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] < 255:
        raise ImageFileError(f"{path}: expected an opaque image. Received: transparent pixels. Flatten it first")
    return np.array(image.convert("RGB"))


def stored_image(path, image):
    """What to store of an image.

    Args:
        path: As in `read_image`.
        image: What `read_image` made of it.

    Returns:
        The file's own bytes where it holds RGB, which is many times faster than to encode it
        anew, and keeps a JPEG as small as it was. Otherwise `image`.
    """
    with as_path(path).open("rb") as file:
        if Image.open(file).mode != "RGB":
            return image
        file.seek(0)
        return file.read()


def read_label(path):
    """Decodes an 8-bit grey or palette PNG to `(H, W, 1)` uint8, a palette's indices and never its
    colours. Raises `ImageFileError` as `read_image` does."""
    return np.array(_decoded(path, LABEL_FORMATS, LABEL_MODES))[..., None]


def read_grey(path):
    """Decodes an 8-bit grey PNG to `(H, W, 1)` uint8. Raises `ImageFileError` as `read_image` does."""
    return np.array(_decoded(path, LABEL_FORMATS, GREY_MODES))[..., None]


def read_uint16(path):
    """Decodes a 16-bit grey PNG to `(H, W, 1)` uint16. Raises `ImageFileError` as `read_image` does."""
    return np.array(_decoded(path, LABEL_FORMATS, UINT16_MODES)).astype(np.uint16)[..., None]


def read_colours(path, colours):
    """Decodes an RGB PNG whose colours stand for classes.

    Args:
        path: As in `read_image`.
        colours: `(R, G, B)` colours, each once, in the order of class ids. At most 256.

    Returns:
        `(H, W, 1)` uint8 class ids.

    Raises:
        ImageFileError: As from `read_image`, and where a colour is not in the list, with its pixel count.
    """
    codes = _colour_codes(np.array(colours, np.uint8))
    order = np.argsort(codes)
    found = _colour_codes(np.array(_decoded(path, LABEL_FORMATS, COLOUR_MODES)))
    ids = order[np.searchsorted(codes, found, sorter=order).clip(max=len(codes) - 1)]
    foreign = found[codes[ids] != found]
    if foreign.size:
        raise ImageFileError(
            f"{path}: expected the data set's {len(codes)} colours. "
            f"Received: {_counted(foreign, lambda code: f'RGB {code >> 16}, {code >> 8 & 255}, {code & 255}')}. "
            "Restore it from the original archive; files that were scaled or stored as JPEG have blended colours"
        )
    return ids.astype(np.uint8)[..., None]


# === What the arrays hold ===


def check_ids(path, label, num_ids):
    """Raises `ImageFileError` that names the file if an id lies outside `[0, num_ids)`, with its pixel count."""
    foreign = label[label >= num_ids]
    if foreign.size:
        raise ImageFileError(
            f"{path}: expected class ids in 0 .. {num_ids - 1}. Received: {_counted(foreign)}. "
            "Use the release whose annotations hold class ids, or map these first"
        )


def map_ids(path, label, id_of):
    """Replaces the ids of a file by others.

    Args:
        path: The file, for the message.
        label: Array of unsigned integers.
        id_of: Dict from each id that the file may hold to the one that is stored in its place.

    Returns:
        uint8 array, or uint16 where an id is above 255.

    Raises:
        ImageFileError: That names the file where an id is not in `id_of`, with its pixel count.
    """
    table = np.full(np.iinfo(label.dtype).max + 1, -1)
    table[list(id_of)] = list(id_of.values())
    ids = table[label]
    foreign = label[ids < 0]
    if foreign.size:
        raise ImageFileError(
            f"{path}: expected class ids among {sorted(id_of)}. Received: {_counted(foreign)}. "
            "Restore it from the original archive"
        )
    return ids.astype(np.uint8 if max(id_of.values()) <= np.iinfo(np.uint8).max else np.uint16)


def check_size(path, array, image_path, image):
    """Raises `ImageFileError` that names both files if `array` has another height or width than `image`."""
    if array.shape[:2] != image.shape[:2]:
        raise ImageFileError(
            f"{path}: expected the size of its image {image_path}, {_size_text(image)}. "
            f"Received: {_size_text(array)}. Restore both from the original archive"
        )


def _decoded(path, formats, modes):
    """A Pillow image with its pixels in memory, whose header was checked before a pixel was decoded."""
    path = as_path(path)
    kind = formats.get(path.suffix.lower())
    if kind is None:
        raise ImageFileError(f"{path}: expected a file that ends in {' or '.join(formats)}. Received: {path.name}")
    try:
        with path.open("rb") as file:
            image = Image.open(file, formats=[kind])
            _check_header(path, image, modes)
            # Decoding alone does not look at the check sums of PNG.
            image.verify()
            # Pillow cannot decode what it has verified.
            file.seek(0)
            image = Image.open(file, formats=[kind])
            image.load()
            orientation = image.getexif().get(_EXIF_ORIENTATION, _UPRIGHT)
    except ImageFileError:
        raise
    # Damaged bytes make Pillow raise OSError, SyntaxError, ValueError, struct.error and others.
    except Exception as error:
        raise ImageFileError(
            f"{path}: expected a whole {kind} file. Received: {_without_address(error)}. "
            "Restore it from the original archive"
        ) from error
    if orientation != _UPRIGHT:
        raise ImageFileError(
            f"{path}: expected upright pixels. Received: EXIF orientation {orientation}, which viewers obey and "
            "decoders do not. Rotate the pixels and drop the tag"
        )
    return image


def _check_header(path, image, modes):
    if image.width * image.height > MAX_PIXELS:
        raise ImageFileError(
            f"{path}: expected at most {MAX_PIXELS // 1_000_000} megapixels. Received: a header that says "
            f"{image.width} x {image.height}. The file was not decoded"
        )
    if image.mode not in modes:
        raise ImageFileError(
            f"{path}: expected a {' or '.join(modes)} image (Pillow's modes). Received: mode {image.mode}. "
            f"{_ADVICE[modes]}"
        )


def _colour_codes(rgb):
    """A colour as one number, `0xRRGGBB`."""
    return rgb.astype(np.int32) @ (1 << 16, 1 << 8, 1)


def _counted(values, text=str):
    """Every value once, with its pixel count."""
    distinct, counts = np.unique(values, return_counts=True)
    shown = [f"{text(value)} ({count} px)" for value, count in zip(distinct[:SHOWN_VALUES], counts)]
    if len(distinct) > len(shown):
        shown.append(f"... and {len(distinct) - len(shown)} more")
    return ", ".join(shown)


def _size_text(array):
    return f"{array.shape[1]} x {array.shape[0]}"


def _without_address(error):
    """Pillow's message less the memory address of the stream, so that equal faults read equal."""
    return re.sub(r" <[^>]*>", "", str(error)) or type(error).__name__
