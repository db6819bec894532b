"""Images and their label maps as files of one name in two folders: paired, decoded and checked.

A file that passes here holds what it seems to hold. TFDS by itself stores a file's bytes
unchecked when it is given a path, reads a palette's colours in place of its indices, and takes
any id, so that a bad file would first show in training.
"""

import dataclasses
import pathlib
import re
import warnings

import numpy as np
from etils import epath
from PIL import Image

MAX_PIXELS = 100_000_000
IMAGE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
LABEL_FORMATS = {".png": "PNG"}
IMAGE_MODES = ("RGB", "RGBA", "L", "P")
LABEL_MODES = ("L", "P")
SHOWN_PROBLEMS = 50
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


@dataclasses.dataclass(frozen=True)
class ImagePair:
    """An image file and its label file."""

    image: epath.Path
    label: epath.Path


# === Which files belong together ===


def pair_folders(image_folder, label_folder):
    """Pairs the images of one folder with the label maps of another by their names less the suffix.

    Args:
        image_folder: Folder with `.png` or `.jpg` images. Files of other kinds and hidden files are passed over.
        label_folder: Folder with `.png` label maps.

    Returns:
        `(pairs, problems)`: `ImagePair`s sorted by name, and a string for every file without a
        counterpart, every name given twice, and a folder that is missing or has no image.
    """
    images, image_problems = _files_by_stem(image_folder, IMAGE_FORMATS)
    labels, label_problems = _files_by_stem(label_folder, LABEL_FORMATS)
    problems = image_problems + label_problems
    if problems:
        return [], problems
    for stem in sorted(images.keys() - labels.keys()):
        problems.append(f"{images[stem]}: expected its label map in {label_folder}. Received: none of that name")
    for stem in sorted(labels.keys() - images.keys()):
        problems.append(f"{labels[stem]}: expected its image in {image_folder}. Received: none of that name")
    return [ImagePair(images[stem], labels[stem]) for stem in sorted(images.keys() & labels.keys())], problems


def pair_listed(list_file, image_folder, label_folder):
    """Pairs the files that a list names, one `<image path> <label path>` a line.

    Only the last two parts of each path are used, folder and name, since such lists carry the
    prefix of the machine they were made on. Files that the list does not name stay out.

    Args:
        list_file: UTF-8 text file.
        image_folder, label_folder: Folders the files lie in; the list's folders must bear their names.

    Returns:
        `(pairs, problems)` as from `pair_folders`, in the list's order.
    """
    list_file, folders = epath.Path(list_file), (epath.Path(image_folder), epath.Path(label_folder))
    try:
        lines = list_file.read_bytes().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return [], [f"{list_file}: expected a list of files as UTF-8 text. Received: {error}"]
    pairs, problems, first_line = [], [], {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{list_file}:{number}"
        pair, complaints = _listed_pair(line, folders)
        problems.extend(f"{place}: {complaint}" for complaint in complaints)
        if pair and pair.image.stem in first_line:
            problems.append(f"{place}: {pair.image.name} is listed twice, first in line {first_line[pair.image.stem]}")
        elif pair:
            first_line[pair.image.stem] = number
            pairs.append(pair)
    if not pairs and not problems:
        problems.append(f"{list_file}: expected a line `<image path> <label path>` a pair. Received: an empty file")
    return pairs, problems


def _files_by_stem(folder, formats):
    folder = epath.Path(folder)
    if not folder.is_dir():
        return {}, [f"{folder}: expected a folder. Received: {'a file' if folder.exists() else 'nothing there'}"]
    files, problems = {}, []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in formats or path.name.startswith("."):
            continue
        if path.stem in files:
            problems.append(f"{path}: expected one file a name. Received: {files[path.stem].name} beside it")
        files[path.stem] = path
    if not files:
        problems.append(f"{folder}: expected files that end in {' or '.join(formats)}. Received: none")
    return files, problems


def _listed_pair(line, folders):
    fields = line.split()
    if len(fields) != 2:
        return None, [f"expected `<image path> <label path>`. Received: {line.strip()!r}"]
    paths, complaints = [], []
    for field, folder in zip(fields, folders):
        parent, name = pathlib.PurePosixPath("/", field).parts[-2:]
        path = folder / name
        paths.append(path)
        if name == ".." or parent != folder.name:
            complaints.append(f"expected a file in {folder.name}/. Received: {field}")
        elif not path.exists():
            complaints.append(f"{path} is listed and does not exist. Restore it or take the line out")
    if not complaints and paths[0].stem != paths[1].stem:
        complaints.append(f"expected an image and a label map of one name. Received: {line.strip()!r}")
    return (None, complaints) if complaints else (ImagePair(*paths), [])


# === What they hold ===


def read_pair(pair, num_ids):
    """Decodes a pair and checks it.

    Args:
        pair: `ImagePair`.
        num_ids: The label map's ids must lie in `[0, num_ids)`.

    Returns:
        `(image, label)`: `(H, W, 3)` and `(H, W, 1)`, both uint8.

    Raises:
        ImageFileError: That names the file, where one is damaged, of another kind than its name
            says, too large, or of a mode that cannot be read without a guess; where the two
            differ in size; where an id is out of range, with its pixel count.
    """
    image, label = read_image(pair.image), read_label(pair.label)
    if image.shape[:2] != label.shape[:2]:
        raise ImageFileError(
            f"{pair.label}: expected the size of its image {pair.image}, {_size_text(image)}. "
            f"Received: {_size_text(label)}. Restore both from the original archive"
        )
    ids, counts = np.unique(label, return_counts=True)
    foreign = ids >= num_ids
    if foreign.any():
        found = ", ".join(f"{id_} ({count} px)" for id_, count in zip(ids[foreign], counts[foreign]))
        raise ImageFileError(
            f"{pair.label}: expected class ids in 0 .. {num_ids - 1}. Received: {found}. "
            "Use the release whose annotations hold class ids, or map these first"
        )
    return image, label


def read_image(path):
    """Decodes an RGB, grey or palette image to `(H, W, 3)` uint8. Raises `ImageFileError` as `read_pair` does."""
    image = _decoded(path, IMAGE_FORMATS, IMAGE_MODES)
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] < 255:
        raise ImageFileError(f"{path}: expected an opaque image. Received: transparent pixels. Flatten it first")
    return np.array(image.convert("RGB"))


def read_label(path):
    """Decodes an 8-bit grey or palette PNG to `(H, W, 1)` uint8, a palette's indices and never its
    colours. Raises `ImageFileError` as `read_pair` does."""
    return np.array(_decoded(path, LABEL_FORMATS, LABEL_MODES))[..., None]


def _decoded(path, formats, modes):
    """A Pillow image with its pixels in memory, whose header was checked before a pixel was decoded."""
    path = epath.Path(path)
    kind = formats.get(path.suffix.lower())
    if kind is None:
        raise ImageFileError(f"{path}: expected a file that ends in {' or '.join(formats)}. Received: {path.name}")
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            # Pillow warns at 89 megapixels; the limit here is stated and is an error.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(file, formats=[kind])
            _check_header(path, image, modes)
            # Decoding alone does not look at the check sums of PNG.
            image.verify()
        # Pillow cannot decode what it has verified.
        with path.open("rb") as file:
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
            "Label maps hold 8-bit class ids, not colours; images are 8-bit RGB. Convert it first"
        )


def _size_text(array):
    return f"{array.shape[1]} x {array.shape[0]}"


def _without_address(error):
    """Pillow's message less the memory address of the stream, so that equal faults read equal."""
    return re.sub(r" <[^>]*>", "", str(error)) or type(error).__name__
