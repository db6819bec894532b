"""Finds the masks in a folder, and their format."""

import dataclasses

from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.folder_content import missing_folder
from tfds_builders.reading.image_files import as_path
from tfds_builders.reading.masks.binary import find_binary
from tfds_builders.reading.masks.coco_panoptic import find_panoptic, json_files
from tfds_builders.reading.masks.cvat import description_files, find_cvat
from tfds_builders.reading.masks.files_below import files_below
from tfds_builders.reading.masks.infer_format import JPEG_SUFFIXES, NO_JPEG, infer_format
from tfds_builders.reading.masks.labelme import find_labelme
from tfds_builders.reading.masks.png_masks import find_colors, find_indices

_FINDERS = {
    "index": find_indices,
    "colors": find_colors,
    "coco_panoptic": find_panoptic,
    "cvat": find_cvat,
    "labelme": find_labelme,
    "binary": find_binary,
}
FORMATS = tuple(_FINDERS)
# Functions that list the files on which all masks of a folder depend. They may be outside of the folder.
_DESCRIBED_IN = {"coco_panoptic": json_files, "cvat": description_files}


def find_masks(folder, format=None, stems=None, classes=None):
    """Finds the masks in a folder and its subfolders.

    | format | layout |
    |---|---|
    | `index` | `NAME.png`: gray or palette PNG of up to 16 bits, whose numbers are class ids |
    | `colors` | `NAME.png`: RGB or palette PNG, whose colors stand for classes |
    | `coco_panoptic` | `NAME.png` of segment ids, and one JSON file in the folder, or beside it under its name |
    | `cvat` | `labelmap.txt`, `SegmentationClass/NAME.png`, `ImageSets/Segmentation/*.txt` |
    | `labelme` | `NAME.json` |
    | `binary` | `CLASS/NAME.png`, `NAME/CLASS.png`, or `NAME_CLASS.png` |

    Args:
        folder: Path or `ZipPath` of the folder.
        format: String, one of `FORMATS`. Defaults to `None`: it is inferred from the files.
        stems: Collection of the names of the images, without suffix. It helps to tell images from classes in
            `binary`, and `binary` from other formats. Defaults to `None`: only the names of the masks are compared.
        classes: Collection of class names, used for `binary` like `stems`. Defaults to `None`.

    Returns:
        `FoundMasks`.

    Raises:
        ImageFileError: If the folder does not exist; `format` is `None` and the files may be of more than one format,
            which the error lists; or the format's own file, such as `labelmap.txt`, is missing or damaged.
        ValueError: If `format` is not one of `FORMATS`.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> from tfds_builders import find_masks, read_mask
    >>> os.mkdir("masks")
    >>> Image.fromarray(np.uint8([[0, 11], [1, 1]])).save("masks/rex.png")
    >>> found = find_masks("masks")
    >>> found.format, list(found.masks)
    ('index', ['rex'])
    >>> read_mask(found.masks["rex"], {0: 0, 1: 1, 11: 255})[..., 0].tolist()
    [[0, 255], [1, 1]]
    """
    if format is not None and format not in FORMATS:
        raise ValueError(f"`find_masks` expects one of {', '.join(FORMATS)} as `format`. Received: format={format!r}.")
    folder = as_path(folder)
    problem = missing_folder(folder, "masks")
    if problem:
        raise ImageFileError(problem)
    format = format or infer_format(folder, stems)
    found = _FINDERS[format](folder, stems, classes)
    return _without_jpegs(folder, found) if format in ("index", "colors") else found


def _without_jpegs(folder, found):
    """Adds a problem for each JPEG file that lies beside masks and whose name no mask has."""
    folders = {name.rpartition("/")[0] for name in found.masks}
    files, _ = files_below(folder, JPEG_SUFFIXES)
    jpegs = {name: files[name] for name in files.keys() - found.masks if name.rpartition("/")[0] in folders}
    problems = [f"{path}: expected a PNG mask. Received: a JPEG file. {NO_JPEG}" for _, path in sorted(jpegs.items())]
    return dataclasses.replace(found, problems=[*found.problems, *problems], unusable=found.unusable | jpegs.keys())


def described_in(folder, format):
    """Lists the files that say what the masks in a folder stand for. They may be outside of the folder.

    Args:
        folder: Path or `ZipPath` of the folder of masks.
        format: String, one of `FORMATS`.

    Returns:
        List of paths, such as that of COCO's JSON file. Empty for formats in which every file stands for itself, and
        if there is no such folder.
    """
    folder, find = as_path(folder), _DESCRIBED_IN.get(format)
    return list(find(folder)) if find and folder.is_dir() else []
