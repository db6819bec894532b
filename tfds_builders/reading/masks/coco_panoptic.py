"""Masks in COCO's panoptic format: PNG files of segment ids, and one JSON file of the segments' categories."""

import collections
import dataclasses
import pathlib

from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.image_files import read_color_codes
from tfds_builders.reading.masks.coded_mask import BACKGROUND, CodedMask
from tfds_builders.reading.masks.found_masks import FoundMasks
from tfds_builders.reading.masks.json_file import field, read_json

_NO_SEGMENT = 0
_BACKGROUND = ((BACKGROUND,),)


@dataclasses.dataclass(frozen=True)
class PanopticMask:
    """A PNG whose colors `(R, G, B)` are the segment ids `R + 256 G + 65536 B`.

    Attributes:
        path: `epath.Path` or `ZipPath` of the file.
        segments: Tuple of triples `(segment id, category id, category name)`.
    """

    path: object
    segments: tuple

    def decode(self):
        codes = read_color_codes(self.path)
        ids = codes >> 16 | codes & 0xFF00 | (codes & 0xFF) << 16
        classes = {segment: ((category, name),) for segment, category, name in self.segments}
        classes.setdefault(_NO_SEGMENT, _BACKGROUND)
        names = {segment: f"category {category} ({name!r})" for segment, category, name in self.segments}
        names.setdefault(_NO_SEGMENT, f"{BACKGROUND} (no segment)")
        return CodedMask(
            self.path,
            ids,
            lambda id_: classes.get(id_, ()),
            lambda id_: names.get(id_, f"segment {id_}, which the JSON file does not list"),
        )


def is_panoptic(record):
    """Returns whether a JSON file's content looks like COCO's panoptic annotations."""
    annotations = record.get("annotations")
    return (
        isinstance(record.get("categories"), list)
        and isinstance(annotations, list)
        and all(isinstance(annotation, dict) and "segments_info" in annotation for annotation in annotations[:1])
    )


def json_files(folder):
    """Lists the JSON files that may describe the masks in a folder: in it, or beside it under the folder's name."""
    inside = [path for path in folder.iterdir() if path.suffix.lower() == ".json" and not path.name.startswith(".")]
    beside = folder.parent / f"{folder.name}.json" if hasattr(folder, "parent") else None
    return sorted(inside, key=lambda path: path.name) or ([beside] if beside is not None and beside.exists() else [])


def find_panoptic(folder, stems=None, classes=None):
    """Finds COCO's panoptic masks. See `find_masks`."""
    path = _annotation_file(folder)
    record = read_json(path)
    names = _category_names(path, record)
    # COCO's own archives have the masks in a folder beside the JSON file, with the same name.
    masks = folder / path.stem if (folder / path.stem).is_dir() else folder
    items, problems, unusable = collections.defaultdict(list), [], set()
    for number, annotation in enumerate(field(path, record, "annotations", list)):
        name = None
        try:
            name = _name(path, masks, annotation, f"annotation {number}: ")
            item = _item(path, masks, annotation, names)
        except ImageFileError as error:
            problems += error.problems
            unusable.add(name)
            continue
        items[name].append(item)
    unusable |= {name for name, items_ in items.items() if len(items_) > 1}
    found = {name: items_[0] for name, items_ in sorted(items.items()) if name not in unusable}
    problems += [
        f"{path}: {name}: expected one annotation per mask. Received: {len(items_)}. Export the annotations again"
        for name, items_ in sorted(items.items())
        if len(items_) > 1
    ]
    if not found and not problems:
        problems.append(f"{path}: expected annotations. Received: none")
    classes = tuple(sorted(names.items()))
    return FoundMasks("coco_panoptic", found, classes, problems, _colors(record), frozenset(unusable))


def _annotation_file(folder):
    files = json_files(folder)
    if len(files) != 1:
        received = ", ".join(path.name for path in files[:5]) or "none"
        raise ImageFileError(
            f"{folder}: expected one JSON file of panoptic annotations in the folder, or {folder.name}.json beside it. "
            f"Received: {received}"
        )
    return files[0]


def _category_names(path, record):
    names = {}
    for number, category in enumerate(field(path, record, "categories", list)):
        place = f"category {number}: "
        id_, name = field(path, category, "id", int, place), field(path, category, "name", str, place)
        if id_ in names:
            raise ImageFileError(f"{path}: expected one category per id. Received: several for {id_}")
        names[id_] = name
    return names


def _colors(record):
    """Returns the colors of the categories that have a valid one. They are of use for drawing alone."""
    colors = {category["id"]: category.get("color") for category in record["categories"]}
    return {id_: "#{:02x}{:02x}{:02x}".format(*color) for id_, color in colors.items() if _is_color(color)}


def _is_color(value):
    return isinstance(value, list) and len(value) == 3 and all(type(part) is int and 0 <= part <= 255 for part in value)


def _name(path, folder, annotation, place):
    """Returns the name of a mask, after checking that it is inside of the folder."""
    file_name = field(path, annotation, "file_name", str, place)
    inside = pathlib.PurePosixPath(file_name)
    if not inside.name or inside.is_absolute() or ".." in inside.parts or "\\" in file_name or "\0" in file_name:
        raise ImageFileError(f"{path}: expected file names below {folder}. Received: {file_name!r}. It was not opened")
    return str(inside.with_suffix(""))


def _item(path, folder, annotation, names):
    file_name = annotation["file_name"]
    place = f"{file_name}: "
    category_of = {}
    for segment in field(path, annotation, "segments_info", list, place):
        id_, category = (field(path, segment, key, int, place) for key in ("id", "category_id"))
        if category not in names:
            raise ImageFileError(
                f"{path}: {place}expected a category in `categories`. Received: category_id={category} of segment {id_}"
            )
        known = category_of.setdefault(id_, category)
        if known != category:
            raise ImageFileError(
                f"{path}: {place}expected one category per segment. Received: {known} ({names[known]!r}) and "
                f"{category} ({names[category]!r}) for segment {id_}. Export the annotations again"
            )
    mask = folder / file_name
    if not mask.exists():
        raise ImageFileError(f"{mask}: expected the mask that {path.name} lists. Received: nothing there")
    return PanopticMask(mask, tuple((id_, category, names[category]) for id_, category in category_of.items()))
