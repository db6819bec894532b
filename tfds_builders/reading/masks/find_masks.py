"""Finds the masks in a folder, and their format."""

from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.image_files import as_path
from tfds_builders.reading.masks.files_below import files_below
from tfds_builders.reading.masks.found_masks import FoundMasks
from tfds_builders.reading.masks.png_kinds import png_format
from tfds_builders.reading.masks.png_masks import ColorMask, IndexMask


def _find_png(format_, item):
    def find(folder, stems=None, classes=None):
        files, problems = files_below(folder, ".png")
        if not files:
            problems.append(f"{folder}: expected masks that end in .png. Received: none")
        return FoundMasks(format_, {name: item(path) for name, path in files.items()}, (), problems)

    return find


_FINDERS = {
    "index": _find_png("index", IndexMask),
    "colors": _find_png("colors", ColorMask),
}
FORMATS = ("index", "colors", "coco_panoptic", "cvat", "labelme", "binary")


def find_masks(folder, format=None, stems=None, classes=None):
    """Finds the masks in a folder.

    Args:
        folder: Path or `ZipPath` of the folder.
        format: String, one of `FORMATS`. Defaults to `None`: it is inferred from the files.
        stems: Collection of the names of the images, without suffix. Needed only for `binary`, where it tells images
            from classes. Defaults to `None`: they are inferred from the names of the files.
        classes: Collection of class names. Used only for `binary`, like `stems`. Defaults to `None`.

    Returns:
        `FoundMasks`.

    Raises:
        ImageFileError: If the folder does not exist, or `format` is `None` and the files can be of more than one
            format. The error names the formats.
        ValueError: If `format` is not one of `FORMATS`.
    """
    if format is not None and format not in FORMATS:
        raise ValueError(f"`find_masks` expects one of {', '.join(FORMATS)} as `format`. Received: format={format!r}.")
    folder = as_path(folder)
    if not folder.is_dir():
        received = "a file" if folder.exists() else "nothing there"
        raise ImageFileError(f"{folder}: expected a folder of masks. Received: {received}")
    return _FINDERS[format or _inferred(folder)](folder, stems, classes)


def _inferred(folder):
    examples = {}
    for path in files_below(folder, ".png")[0].values():
        examples.setdefault(png_format(path), path)
    examples.pop(None, None)
    if len(examples) > 1:
        found = ", ".join(f"{path} ({format_})" for format_, path in examples.items())
        raise ImageFileError(f"{folder}: expected masks of one format. Received: {found}. Pass the format")
    return next(iter(examples), "index")
