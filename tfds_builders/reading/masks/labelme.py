"""Masks in labelme's format: one JSON file of shapes per image."""

import dataclasses

from tfds_builders.ordered_map import ordered_map
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.folder_content import none_found
from tfds_builders.reading.image_header import MAX_PIXELS
from tfds_builders.reading.masks.coded_mask import BACKGROUND, CodedMask
from tfds_builders.reading.masks.files_below import files_below
from tfds_builders.reading.masks.found_masks import FoundMasks
from tfds_builders.reading.masks.json_file import field, read_json
from tfds_builders.reading.masks.labelme_shapes import draw_shapes, label_of

# A file may hold the image too, as text.
_MAX_BYTES = 1 << 27


@dataclasses.dataclass(frozen=True)
class LabelmeMask:
    """A JSON file of shapes, which are drawn in the file's order, later ones over earlier ones.

    Only the shapes and the size are used. `imagePath` and `imageData` are never opened.

    Attributes:
        path: `epath.Path` or `ZipPath` of the file.
    """

    path: object

    def decode(self):
        record = read_json(self.path, _MAX_BYTES)
        height, width = (field(self.path, record, name, int) for name in ("imageHeight", "imageWidth"))
        if height < 1 or width < 1 or height * width > MAX_PIXELS:
            raise ImageFileError(
                f"{self.path}: expected from 1 pixel to {MAX_PIXELS // 1_000_000} megapixels. Received: "
                f"imageWidth={str(width)[:20]}, imageHeight={str(height)[:20]}. It was not drawn"
            )
        codes, labels = draw_shapes(self.path, field(self.path, record, "shapes", list), height, width)
        names = [BACKGROUND, *labels]
        return CodedMask(
            self.path,
            codes,
            lambda code: ((names[code],),),
            lambda code: repr(names[code]) if code else f"{BACKGROUND} (no shape)",
        )


def is_labelme(record):
    """Returns whether a JSON file's content looks like labelme's."""
    return isinstance(record.get("shapes"), list) and "imagePath" in record


def find_labelme(folder, stems=None, classes=None):
    """Finds labelme's JSON files. See `find_masks`."""
    files, problems = files_below(folder, ".json")
    if not files:
        problems.append(none_found(folder, "labelme's files", (".json",)))
    masks, labels = {}, set()
    for (name, path), (found, unreadable) in zip(files.items(), ordered_map(_labels, files.values())):
        labels |= found
        problems += unreadable
        if not unreadable:
            masks[name] = LabelmeMask(path)
    classes = tuple((label, label) for label in sorted(labels))
    return FoundMasks("labelme", masks, classes, problems, unusable=frozenset(files.keys() - masks.keys()))


def _labels(path):
    """Returns the set of the labels in a file, and a list of problems."""
    try:
        shapes = field(path, read_json(path, _MAX_BYTES), "shapes", list)
        return {label_of(path, shape, number) for number, shape in enumerate(shapes)}, []
    except ImageFileError as error:
        return set(), error.problems
