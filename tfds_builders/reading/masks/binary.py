"""One binary PNG per class: `<class>/<image>.png`, `<image>/<class>.png`, or `<image>_<class>.png`."""

import collections
import dataclasses
import re

import numpy as np

from tfds_builders.reading.file_problems import ImageFileError, counted_pixels
from tfds_builders.reading.folder_content import none_found
from tfds_builders.reading.image_files import read_color_codes, read_ids
from tfds_builders.reading.masks.coded_mask import BACKGROUND, CodedMask
from tfds_builders.reading.masks.files_below import files_below
from tfds_builders.reading.masks.found_masks import FoundMasks
from tfds_builders.reading.masks.png_kinds import png_format

_LAYOUTS = "<class>/<image>.png, <image>/<class>.png or <image>_<class>.png"


@dataclasses.dataclass(frozen=True)
class BinaryMask:
    """Binary PNGs of one image, one per class. Pixels other than 0 or black belong to the class.

    Attributes:
        path: String, for errors: the folder and the name of the image.
        files: Tuple of pairs `(class name, path)`.
    """

    path: str
    files: tuple

    def decode(self):
        codes, sets = None, [()]
        for number, (_, path) in enumerate(self.files):
            mask = read_binary(path)
            if codes is None:
                codes = np.zeros(mask.shape, np.int32)
            self._check_size(path, mask, codes)
            # The code of pixels in several classes stands for the set of these classes.
            for code in np.unique(codes[mask]).tolist():
                codes[mask & (codes == code)] = len(sets)
                sets.append((*sets[code], number))
        return CodedMask(
            self.path,
            codes,
            lambda code: tuple((self.files[number][0],) for number in sets[code]) or ((BACKGROUND,),),
            lambda code: self._text(sets[code]),
        )

    def _check_size(self, path, mask, codes):
        if mask.shape != codes.shape:
            (height, width), (first_height, first_width) = mask.shape, codes.shape
            raise ImageFileError(
                f"{path}: expected the size of {self.files[0][1]}, {first_width} x {first_height}. Received: "
                f"{width} x {height}. Export both masks again"
            )

    def _text(self, numbers):
        if not numbers:
            return f"{BACKGROUND} (no class)"
        names = " and ".join(repr(self.files[number][0]) for number in numbers)
        return f"{names} in {' and '.join(str(self.files[number][1]) for number in numbers)}"


def read_binary(path):
    """Decodes a PNG of two values to bool `(H, W)`. Raises `ImageFileError` if it has more values."""
    codes = read_codes(path)
    foreign = codes[codes != 0]
    if not has_two_values(codes):
        raise ImageFileError(
            f"{path}: expected two values, 0 and another one. Received: {counted_pixels(foreign)} besides 0. "
            "Masks that were scaled or stored as JPEG have blended values; masks of ids or colors have other formats"
        )
    return codes != 0


def read_codes(path):
    """Decodes a PNG of ids or of colors to integers `(H, W)`, of which 0 is 0 or black."""
    return read_color_codes(path) if png_format(path) == "colors" else read_ids(path)[..., 0]


def has_two_values(codes):
    """Returns whether an array has at most one value besides 0."""
    foreign = codes[codes != 0]
    return not foreign.size or bool((foreign == foreign[0]).all())


def find_binary(folder, stems=None, classes=None):
    """Finds binary masks. See `find_masks`."""
    files, problems = files_below(folder, ".png")
    if not files:
        problems.append(none_found(folder, "masks", (".png",)))
    split = _split_at(folder, files, set(stems or ()), set(classes or ()))
    found = collections.defaultdict(list)
    for name, path in files.items():
        image, class_ = split(name)
        if image and class_:
            found[image].append((class_, path))
        else:
            problems.append(f"{path}: expected a name of the layout {_LAYOUTS}. Received: {path.name}")
    masks = {image: BinaryMask(f"{folder}/{image}", tuple(sorted(pairs))) for image, pairs in sorted(found.items())}
    names = sorted({class_ for pairs in found.values() for class_, _ in pairs})
    return FoundMasks("binary", masks, tuple((name, name) for name in names), problems)


def class_first(name):
    """Splits `class/image`, which may have more parts, into image and class."""
    class_, _, image = name.partition("/")
    return image, class_


def image_first(name):
    """Splits `image/class`, which may have more parts, into image and class."""
    image, _, class_ = name.rpartition("/")
    return image, class_


def _split_at(folder, files, stems, classes):
    """Returns the function that splits the name of a file into image and class."""
    if not any("/" in name for name in files):
        return lambda name: _split_name(name, stems, classes)
    scores = {
        split: _agreement({split(name) for name in files}, stems, classes) for split in (class_first, image_first)
    }
    if scores[class_first] == scores[image_first]:
        raise ImageFileError(
            f"{folder}: expected binary masks <class>/<image>.png or <image>/<class>.png. Received: names that can be "
            "read as either. Pass the folder of the images, or a class table"
        )
    return max(scores, key=scores.get)


def _agreement(pairs, stems, classes):
    """Rates a split into images and classes: by known names, then by digits in the names of images, then by number."""
    images, names = {image for image, _ in pairs}, {class_ for _, class_ in pairs}
    known = len(images & stems) + len(names & classes)
    numbered = np.mean([bool(re.search(r"\d", image)) for image in images])
    return known, numbered, len(images)


def _split_name(name, stems, classes):
    """Splits `image_class`. Either part may contain `_`: known images and classes decide, or else the last `_`."""
    places = [place for place, letter in enumerate(name) if letter == "_"]
    known = [place for place in places if name[:place] in stems or name[place + 1 :] in classes]
    # The longest known image, or else the longest known class.
    by_image = [place for place in known if name[:place] in stems]
    place = by_image[-1] if by_image else known[0] if known else places[-1] if places else 0
    return name[:place], name[place + 1 :]
