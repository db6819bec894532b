"""Divides images between training and validation by their names, with the images of a group together."""

import collections
import csv
import hashlib
import math
import pathlib
import re

from tfds_builders.reading.file_problems import ImageFileError

_HASH_BITS = 64
_CSV = ".csv"


def group_names(names, groups):
    """Returns the group of each image.

    Args:
        names: List of strings, the images' paths below their folder, without suffix.
        groups: String: a regular expression with one group, which is searched in each name, such as
            `r"^(.*)_\\d+$"`; or the path of a CSV file with one row `name,group` per image. `None` means that the
            images of a subfolder are a group, and every other image is a group of its own.

    Returns:
        Dict from name to group.

    Raises:
        ImageFileError: If the regular expression is invalid or does not have one group, the file cannot be read, or an
            image has no group. The error says how many, and names the first.
    """
    if groups is None:
        return {name: name.rpartition("/")[0] or name for name in names}
    found = _listed(names, groups) if groups.lower().endswith(_CSV) else _matched(names, groups)
    missing = [name for name in names if name not in found]
    if missing:
        raise ImageFileError(
            f"{groups}: expected a group for every image. Received: {len(missing)} of {len(names)} images without one, "
            f"the first {missing[0]}"
        )
    return found


def hash_shares(groups):
    """Returns a dict from group to a number in [0, 1), which depends on the name of the group alone."""
    return {
        group: int(hashlib.sha256(group.encode()).hexdigest()[: _HASH_BITS // 4], 16) / 2**_HASH_BITS
        for group in set(groups)
    }


def split_names(names, val_share, groups):
    """Divides images between training and validation.

    A group belongs to the validation if the hash of its name is below `val_share`. An image that is added or removed
    therefore does not move another one. If one of the two would be empty, all images are for training.

    Args:
        names, groups: As in `group_names`.
        val_share: Float between 0 and 1.

    Returns:
        A pair of lists of names, `(train, validation)`, of which the second may be empty.

    Raises:
        ImageFileError: As from `group_names`.
    """
    group_of = group_names(names, groups)
    shares = hash_shares(group_of.values())
    validation = [name for name in names if shares[group_of[name]] < val_share]
    train = [name for name in names if shares[group_of[name]] >= val_share]
    return (train, validation) if train and validation else (list(names), [])


def no_validation(names, val_share, groups):
    """Returns a sentence that says why `split_names` puts no image into the validation, and what to do.

    Args:
        names, val_share, groups: As in `split_names`.
    """
    group_of = group_names(names, groups)
    shares = hash_shares(group_of.values())
    if len(names) == 1:
        return "There is one image, which is in the split train. Add images, or pass `val_images` and `val_masks`"
    if len(shares) == 1:
        return _one_group(names, groups, next(iter(shares)))
    lowest, highest = min(shares.values()), max(shares.values())
    what, empty = "groups" if len(shares) < len(names) else "images", lowest >= val_share
    share = math.floor(lowest * 100 + 1) / 100 if empty else math.floor(highest * 100) / 100
    if not lowest < share <= highest:
        share = (lowest + highest) / 2
    count = sum(shares[group] < share for group in group_of.values())
    return (
        f"With val_share={val_share:g}, {'none' if empty else 'all'} of {len(shares)} {what} would fall into the "
        f"validation, so that all are in the split train. Pass val_share={share:.4g}, which puts {count} of "
        f"{len(names)} images into the validation, or pass `val_images` and `val_masks`"
    )


def few_for_validation(train, validation, val_share):
    """Returns a sentence that says that the validation has few images, or `None` if it has enough.

    Args:
        train, validation: Lists of names, as returned by `split_names`.
        val_share: As in `split_names`.
    """
    count = len(train) + len(validation)
    if not validation or len(validation) >= val_share * count / 3:
        return None
    return (
        f"{len(validation)} of {count} images are in the validation, fewer than a third of val_share={val_share:g}, "
        "because the hashes of their names, or of the names of their groups, divide them. Pass a larger `val_share`, "
        "or `val_images` and `val_masks`"
    )


def _one_group(names, groups, group):
    if groups is None:
        return (
            f"All {len(names)} images are in the subfolder {group}, and the images of a subfolder are one group, so "
            "that all are in the split train. Pass groups='(.+)', which makes every image a group of its own; if they "
            "are frames of videos, an expression whose group is the name of the video; or `val_images` and `val_masks`"
        )
    return (
        f"All {len(names)} images are of one group, {group!r}, so that all are in the split train. Pass `groups` that "
        "make at least two, or `val_images` and `val_masks`"
    )


def _matched(names, pattern):
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ImageFileError(f"groups: expected a regular expression. Received: {pattern!r}, {error}") from None
    if compiled.groups != 1:
        raise ImageFileError(
            "groups: expected a regular expression with one group, such as ^(.*)_[0-9]+$, or a .csv file. Received: "
            f"{pattern!r}, with {compiled.groups} groups"
        )
    matches = {name: compiled.search(name) for name in names}
    return {name: match[1] for name, match in matches.items() if match and match[1] is not None}


def _listed(names, path):
    """Reads `name,group` rows. A name may have its suffix. It may lack its subfolder if only one image has it."""
    try:
        text = pathlib.Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ImageFileError(f"{path}: expected a CSV file of images and groups. Received: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ImageFileError(f"{path}: expected a CSV file in UTF-8. Received: {error}") from None
    rows, without_suffix = {}, {}
    for number, cells in enumerate(csv.reader(text.splitlines()), start=1):
        cells = [cell.strip() for cell in cells]
        if any(cells):
            if len(cells) != 2 or not cells[0]:
                raise ImageFileError(f"{path}:{number}: expected name,group. Received: {','.join(cells)}")
            name, group = cells
            if rows.setdefault(name, group) != group:
                raise ImageFileError(
                    f"{path}:{number}: expected one group per image. Received: {rows[name]} and {group} for {name}. "
                    "Remove one of the rows"
                )
            without_suffix[str(pathlib.PurePosixPath(name).with_suffix(""))] = group
    # A name with a dot, such as `frame.1`, is not the file `frame`.
    rows = without_suffix | rows
    last_names = [name.rpartition("/")[2] for name in names]
    counts = collections.Counter(last_names)
    found = {}
    for name, last in zip(names, last_names):
        if name in rows or last in rows and counts[last] == 1:
            found[name] = rows.get(name, rows.get(last))
    return found
