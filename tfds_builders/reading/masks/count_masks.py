"""Counts the classes in many masks."""

import dataclasses

from tfds_builders.ordered_map import ordered_map
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.masks.coded_mask import Runs

# No data set has more. Photographs instead of masks have hundreds of thousands of colors.
MAX_CLASSES = 1 << 16


@dataclasses.dataclass
class ClassCount:
    """How often a class occurs.

    Attributes:
        pixels: Integer, number of pixels.
        images: Integer, number of masks with the class.
        runs: Integer, number of runs of the class in rows of pixels. The mean length of a run tells regions from the
            blended pixels at edges.
        example: String, name of the first mask with the class.
    """

    pixels: int = 0
    images: int = 0
    runs: int = 0
    example: str = ""

    def add(self, name, pixels, runs):
        self.example = self.example or name
        self.pixels, self.images, self.runs = self.pixels + pixels, self.images + 1, self.runs + runs


def count_masks(masks):
    """Counts the pixels of each class in many masks, on all cores.

    Args:
        masks: Dict from name to item, as in `FoundMasks.masks`.

    Returns:
        A pair `(counts, problems)`: a dict from class to `ClassCount`, in which a class is the first of its keys in
        `read_mask`; and a list of strings, one per file that cannot be read. A pixel in several binary masks counts
        for each. Counting ends early if there are more than 65,536 classes.
    """
    counts, problems = {}, []
    for name, (found, problem) in zip(masks, ordered_map(_attempt, masks.values())):
        problems += problem
        if len(counts) > MAX_CLASSES:
            break
        for key, (pixels, runs) in found.items():
            counts.setdefault(key, ClassCount()).add(name, pixels, runs)
    return counts, problems


def count_mask(item):
    """Counts the pixels and runs of each class of a mask.

    Args:
        item: An item of `FoundMasks.masks`.

    Returns:
        Dict from class, as in `count_masks`, to a pair of integers, its numbers of pixels and of runs.

    Raises:
        ImageFileError: If a file is damaged, or has pixels of a class that the mask's format does not declare.
    """
    mask = item.decode()
    runs, found = Runs(mask.codes), {}
    for code, *counts in zip(runs.codes.tolist(), runs.counts.tolist(), runs.numbers.tolist()):
        for key in [keys[0] for keys in mask.classes_of(code)] or [_undeclared(mask, code, counts[0])]:
            found[key] = tuple(map(sum, zip(found.get(key, (0, 0)), counts)))
    return found


def _undeclared(mask, code, pixels):
    raise ImageFileError(
        f"{mask.path}: expected classes that the masks' format declares. Received: {mask.name(code)} "
        f"({pixels} pixels). Export the masks again, together with the file that declares their classes"
    )


def _attempt(item):
    try:
        return count_mask(item), []
    except ImageFileError as error:
        return {}, error.problems
