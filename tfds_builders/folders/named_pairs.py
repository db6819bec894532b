"""Pairs images with masks by their names."""

import collections
import dataclasses
import os
import unicodedata

from etils import epath

from tfds_builders.reading.folder_content import missing_folder, none_found
from tfds_builders.reading.image_files import IMAGE_FORMATS
from tfds_builders.reading.masks import find_masks
from tfds_builders.reading.masks.files_below import files_below


@dataclasses.dataclass(frozen=True)
class NamedPair:
    """An image file and its mask.

    Attributes:
        name: String, path of the image below its folder, without suffix, such as `"aachen/000001"`.
        image: `epath.Path` of the image.
        mask: Item of `FoundMasks.masks`.
    """

    name: str
    image: epath.Path
    mask: object


def images_below(folder, masks_folder):
    """Lists the images in a folder and its subfolders, except those in the folder of masks.

    Returns:
        A pair `(images, problems)`: a dict from the path below `folder` without suffix to the image's `epath.Path`,
        sorted; and a list of strings.
    """
    folder, masks_folder = epath.Path(folder), epath.Path(masks_folder)
    problem = missing_folder(folder, "images")
    if problem:
        return {}, [problem]
    is_same = os.path.realpath(folder) == os.path.realpath(masks_folder)
    images, problems = files_below(folder, IMAGE_FORMATS, without=() if is_same else (masks_folder,))
    if not images:
        problems.append(none_found(folder, "images", IMAGE_FORMATS))
    return images, problems


def find_pairs(image_folder, mask_folder, format_, class_names):
    """Finds the images of a folder and their masks.

    An image and its mask have the same path below their folders, without suffix. If the images or the masks are in no
    subfolders at all, the name alone counts, provided that one image and one mask are left of this name.

    Args:
        image_folder, mask_folder: Paths.
        format_: String, format of the masks.
        class_names: Collection of class names, for `find_masks`.

    Returns:
        A pair `(pairs, problems)`: a list of `NamedPair`, sorted by name; and a list of strings, one per file that
        cannot be used, and one for all images or masks without a counterpart.

    Raises:
        ImageFileError: If the folder of masks does not exist.
    """
    images, problems = images_below(image_folder, mask_folder)
    if not images:
        return [], problems
    found = find_masks(mask_folder, format_, list(images), class_names)
    mask_of, ambiguous = _paired(images, found.masks)
    problems = [*problems, *found.problems, *dict.fromkeys(ambiguous.values())]
    taken = {*mask_of.values(), *ambiguous}
    lonely = sorted(images.keys() - mask_of - ambiguous.keys() - found.unusable)
    left = [name for name in found.masks if name not in taken]
    if lonely:
        paths = {name: images[name] for name in lonely}
        problems += _without_counterpart(paths, "image", "mask", mask_folder, found.masks, left)
    if left:
        paths = {name: f"{mask_folder}/{name}" for name in left}
        problems += _without_counterpart(paths, "mask", "image", image_folder, images, lonely)
    return [NamedPair(name, images[name], found.masks[mask_of[name]]) for name in sorted(mask_of)], problems


def _paired(images, masks):
    """Returns a dict from the names of images to those of masks, and a dict from ambiguous names to their problems."""
    mask_of = {name: name for name in images if name in masks}
    # File systems and archives compose letters and accents differently.
    composed = {unicodedata.normalize("NFC", name): name for name in masks if name not in mask_of}
    for name in images:
        if name not in mask_of and (mask := composed.pop(unicodedata.normalize("NFC", name), None)) is not None:
            mask_of[name] = mask
    if _have_subfolders(images) and _have_subfolders(masks):
        return mask_of, {}
    taken = mask_of.values()
    other_images, other_masks = _by_last_name(images.keys() - mask_of), _by_last_name(masks.keys() - taken)
    ambiguous = {}
    for last in sorted(other_images.keys() & other_masks.keys()):
        names, candidates = other_images[last], other_masks[last]
        if len(names) == len(candidates) == 1:
            mask_of[names[0]] = candidates[0]
            continue
        problem = (
            f"{images[names[0]]}: expected one image and one mask of the name {last}. Received: {len(names)} images, "
            f"{', '.join(names)}, and {len(candidates)} masks, {', '.join(candidates)}. Put images and masks into "
            "subfolders of the same names"
        )
        ambiguous.update(dict.fromkeys([*names, *candidates], problem))
    return mask_of, ambiguous


def _have_subfolders(names):
    return any("/" in name for name in names)


def _by_last_name(names):
    found = collections.defaultdict(list)
    for name in sorted(names):
        found[name.rpartition("/")[2]].append(name)
    return found


def _without_counterpart(lonely, what, counterpart, folder, others, others_left):
    """Returns the problems of images without masks, or of masks without images, one per file.

    Args:
        lonely: Dict from the names of the files to their paths.
        what, counterpart: Strings, `"image"` and `"mask"` or the reverse.
        folder: Path of the folder that lacks the counterparts.
        others: Collection of the names in this folder.
        others_left: List of those names in it that have no counterpart either.
    """
    last = next(iter(lonely)).rpartition("/")[2]
    elsewhere = [name for name in others_left if name.rpartition("/")[2] == last]
    if elsewhere:
        advice = (
            f"The {counterpart} {elsewhere[0]} is in another subfolder. If they belong together, put both into "
            "subfolders of the same name"
        )
    else:
        advice = f"The {counterpart}s have names such as {next(iter(others), 'none')}. Rename or add files"
    advice = f"{advice}, or omit the {what}s with skip_bad=True"
    return [
        f"{path}: expected one {counterpart} of the same name in {folder}. Received: none. {advice}"
        for path in lonely.values()
    ]
