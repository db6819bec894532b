"""Masks in CVAT's export "Segmentation mask 1.1": PNG files of colors, and `labelmap.txt`."""

import dataclasses

from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.folder_content import none_found
from tfds_builders.reading.id_lists import read_lines
from tfds_builders.reading.image_files import read_color_codes
from tfds_builders.reading.masks.coded_mask import CodedMask
from tfds_builders.reading.masks.files_below import files_below
from tfds_builders.reading.masks.found_masks import FoundMasks
from tfds_builders.reading.masks.png_masks import color_text

LABEL_MAP, MASKS, LISTS = "labelmap.txt", "SegmentationClass", "ImageSets/Segmentation"


@dataclasses.dataclass(frozen=True)
class CvatMask:
    """A PNG whose colors stand for the labels of `labelmap.txt`.

    Attributes:
        path: `epath.Path` or `ZipPath` of the file.
        labels: Tuple of pairs `(color, name)`. A color is an integer 0xRRGGBB.
    """

    path: object
    labels: tuple

    def decode(self):
        names = dict(self.labels)
        return CodedMask(
            self.path,
            read_color_codes(self.path),
            lambda code: ((color_text(code), names[code]),) if code in names else (),
            lambda code: f"{color_text(code)} ({names.get(code, f'not in {LABEL_MAP}')})",
        )


def root_of(folder):
    """Returns the folder of an export: `folder`, or its parent if `folder` is `SegmentationClass`. Else `None`."""
    if (folder / LABEL_MAP).exists():
        return folder
    parent = getattr(folder, "parent", None)
    return parent if folder.name == MASKS and parent is not None and (parent / LABEL_MAP).exists() else None


def description_files(folder):
    """Lists the files of an export on which its masks depend: the labels, and the lists of images."""
    root = root_of(folder)
    return [] if root is None else [root / LABEL_MAP, *_lists(root / LISTS)]


def find_cvat(folder, stems=None, classes=None):
    """Finds the masks of CVAT's export. See `find_masks`."""
    root = root_of(folder)
    if root is None or not (root / MASKS).is_dir():
        raise ImageFileError(
            f"{folder}: expected {LABEL_MAP} and the folder {MASKS}, as in CVAT's export Segmentation mask 1.1. "
            f"Received: {sorted(path.name for path in folder.iterdir())[:10]}. Export the task again"
        )
    labels = _labels(root / LABEL_MAP)
    files, problems = files_below(root / MASKS, ".png")
    if not files:
        problems.append(none_found(root / MASKS, "masks", (".png",)))
    return FoundMasks(
        "cvat",
        {name: CvatMask(path, labels) for name, path in files.items()},
        tuple((color_text(color), name) for color, name in labels),
        problems + _missing(root / LISTS, files),
    )


def _labels(path):
    """Reads lines `label:R,G,B:parts:actions`."""
    lines, problems = read_lines(path)
    labels = {}
    for number, line in lines:
        if line.startswith("#"):
            continue
        name, *fields = line.strip().rsplit(":", 3)
        color = _color(fields[0]) if len(fields) == 3 else None
        if not name or color is None:
            problems.append(f"{path}:{number}: expected label:R,G,B:parts:actions. Received: {line.strip()[:80]!r}")
        elif color in labels:
            problems.append(
                f"{path}:{number}: expected one label per color. Received: {color_text(color)} for "
                f"{labels[color]!r} and {name!r}. Give each label a color of its own"
            )
        else:
            labels[color] = name
    if not labels and not problems:
        problems.append(f"{path}: expected one line label:R,G,B:parts:actions per label. Received: none")
    if problems:
        raise ImageFileError(problems)
    return tuple(labels.items())


def _color(text):
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() and int(part) <= 255 for part in parts):
        return None
    red, green, blue = map(int, parts)
    return red << 16 | green << 8 | blue


def _missing(folder, files):
    """Returns one problem per image that a list of the export names but that has no mask."""
    problems = []
    for path in _lists(folder):
        lines, unreadable = read_lines(path)
        problems += unreadable
        problems += [
            f"{path}:{number}: expected the mask of {line.strip()!r} in {MASKS}. Received: none of that name"
            for number, line in lines
            if line.strip() not in files
        ]
    return problems


def _lists(folder):
    return list(files_below(folder, ".txt")[0].values()) if folder.is_dir() else []
