"""Infers the format of the masks in a folder."""

import itertools

from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.folder_content import folder_content
from tfds_builders.reading.masks.binary import class_first, has_two_values, image_first, read_codes
from tfds_builders.reading.masks.coco_panoptic import is_panoptic, json_files
from tfds_builders.reading.masks.cvat import root_of
from tfds_builders.reading.masks.files_below import files_below
from tfds_builders.reading.masks.json_file import read_json
from tfds_builders.reading.masks.labelme import is_labelme
from tfds_builders.reading.masks.png_kinds import png_format

# The number of files that are read to tell formats apart.
_SAMPLES = 8
JPEG_SUFFIXES = frozenset((".jpg", ".jpeg"))
NO_JPEG = "JPEG files have blended ids and colors: save the masks as PNG from their source"


def infer_format(folder, stems=None):
    """Infers the format of the masks in a folder from its files.

    Args:
        folder: `epath.Path` or `ZipPath` of an existing folder.
        stems: Collection of the names of the images, without suffix, or `None`.

    Returns:
        String, one of `FORMATS`.

    Raises:
        ImageFileError: If the files may be of several formats, or of none.
    """
    if root_of(folder) is not None:
        return "cvat"
    pngs = files_below(folder, ".png")[0]
    by_kind = {}
    for name, path in pngs.items():
        by_kind.setdefault(png_format(path), name)
    annotations = _format_of_json(folder)
    # PNG files with colors are the segments of COCO's masks, and the images beside labelme's files.
    if annotations is not None and "index" not in by_kind:
        return annotations
    by_kind.pop(None, None)
    candidates = {annotations: "its JSON files"} if annotations else {}
    if pngs and not annotations and _is_binary(pngs, set(stems or ())):
        return "binary"
    candidates |= {kind: pngs[name].name for kind, name in by_kind.items()}
    if len(candidates) > 1:
        listed = ", ".join(f"{format_} ({example})" for format_, example in candidates.items())
        raise ImageFileError(
            f"{folder}: expected masks of one format. Received: files of {listed}. Choose one of them with `format`, "
            "or move the other files"
        )
    if candidates:
        return next(iter(candidates))
    if pngs:
        return "index"
    raise ImageFileError(_no_masks(folder))


def _format_of_json(folder):
    """Returns the format that the first JSON files show, or `None`."""
    paths = itertools.chain(json_files(folder), files_below(folder, ".json")[0].values())
    for path in itertools.islice(paths, _SAMPLES):
        record = read_json(path)
        if is_panoptic(record):
            return "coco_panoptic"
        if is_labelme(record):
            return "labelme"
    return None


def _is_binary(pngs, stems):
    """Returns whether PNG files are binary masks, several per image, by their names and the first files."""
    if stems & pngs.keys():
        return False
    splits = (class_first, image_first) if any("/" in name for name in pngs) else (_before_image(stems),)
    images = [[split(name)[0] for name in pngs] for split in splits]
    has_several = any(len(set(names)) < len(names) for names in images)
    samples = itertools.islice(pngs.values(), _SAMPLES) if has_several else ()
    are_binary = {_is_binary_file(path) for path in samples} - {None}
    return are_binary == {True}


def _before_image(stems):
    """Returns a function that splits `image_class` at a known image. Other names are images of their own."""

    def split(name):
        images = [name[:place] for place, letter in enumerate(name) if letter == "_" and name[:place] in stems]
        return max(images, key=len, default=name), ""

    return split


def _is_binary_file(path):
    """Returns whether a PNG has two values, or `None` if it is damaged."""
    try:
        return has_two_values(read_codes(path))
    except ImageFileError:
        return None


def _no_masks(folder):
    suffixes = {path.suffix.lower() for path in folder.iterdir() if not path.name.startswith(".")}
    problem = f"{folder}: expected masks. Received: {folder_content(folder)}. "
    if suffixes & JPEG_SUFFIXES:
        return f"{problem}{NO_JPEG}"
    return f"{problem}Put one mask per image there, a PNG or JSON file, or pass the folder that has them"
