"""Masks in PNG files whose numbers or colors stand for classes: the formats `index` and `colors`."""

import dataclasses

from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.folder_content import none_found
from tfds_builders.reading.image_files import read_color_codes, read_ids, read_palette
from tfds_builders.reading.masks.coded_mask import CodedMask
from tfds_builders.reading.masks.files_below import files_below
from tfds_builders.reading.masks.found_masks import FoundMasks


def color_text(code):
    """Returns a color, given as the integer 0xRRGGBB, as text: `#rrggbb`."""
    return f"#{code:06x}"


@dataclasses.dataclass(frozen=True)
class IndexMask:
    """A gray or palette PNG whose numbers are class ids.

    Attributes:
        path: `epath.Path` or `ZipPath` of the file.
    """

    path: object

    def decode(self):
        return CodedMask(self.path, read_ids(self.path)[..., 0], lambda code: ((code,),), "id {}".format)


@dataclasses.dataclass(frozen=True)
class ColorMask:
    """A PNG whose colors stand for classes.

    Attributes:
        path: `epath.Path` or `ZipPath` of the file.
    """

    path: object

    def decode(self):
        return CodedMask(self.path, read_color_codes(self.path), lambda code: ((color_text(code),),), color_text)


def find_indices(folder, stems=None, classes=None):
    """Finds masks of class ids. See `find_masks`."""
    found = _find(folder, "index", IndexMask)
    first = next(iter(found.masks.values()), None)
    return found if first is None else dataclasses.replace(found, colors=_palette(first.path))


def _palette(path):
    """Returns the colors of a palette by index. They are empty if there is none, or if all colors are gray."""
    try:
        colors = [color_text(code) for code in read_palette(path).tolist()]
    except ImageFileError:
        # The error is raised again when the mask is read.
        return {}
    is_gray = all(color[1:3] == color[3:5] == color[5:7] for color in colors)
    return {} if is_gray else dict(enumerate(colors))


def find_colors(folder, stems=None, classes=None):
    """Finds masks of colors. See `find_masks`."""
    return _find(folder, "colors", ColorMask)


def _find(folder, format_, item):
    files, problems = files_below(folder, ".png")
    if not files:
        problems.append(none_found(folder, "masks", (".png",)))
    return FoundMasks(format_, {name: item(path) for name, path in files.items()}, (), problems)
