"""Files that a user's folder holds: folders that may lie deeper than expected, and lists of ids that name files."""

import re

from tfds_builders.image_files import ImageFileError
from tfds_builders.paired_images import ImagePair, read_lines

ID_LINE = r"(\S+)"


def find_folder(manual_dir, candidates, instructions):
    """Finds a folder that archives hold at different places.

    Args:
        manual_dir: `epath.Path` to search.
        candidates: Paths below it, best first.
        instructions: What the user should have put there.

    Returns:
        The first of them that is a folder.

    Raises:
        ImageFileError: If none is, with the instructions.
    """
    for candidate in candidates:
        if (manual_dir / candidate).is_dir():
            return manual_dir / candidate
    found = sorted(path.name for path in manual_dir.iterdir())
    raise ImageFileError(
        f"{manual_dir}: expected one of the folders {', '.join(candidates)}. Received: {found}.\n{instructions}"
    )


def listed_ids(list_file, line_pattern=ID_LINE):
    """Reads a list with one id a line.

    Args:
        list_file: UTF-8 text file. Empty lines are passed over.
        line_pattern: Regular expression for a whole line, whose group 1 is the id.

    Returns:
        `(places, problems)`: a dict from id to `<file>:<line>`, in the list's order; and a string for every line
        that is no id or names one again, or for a list that cannot be read or is empty.
    """
    lines, problems = read_lines(list_file)
    places = {}
    for number, line in lines:
        place, match = f"{list_file}:{number}", re.fullmatch(line_pattern, line.strip())
        if match is None or not re.fullmatch(r"\w[\w.-]*", match[1]):
            problems.append(f"{place}: expected an id, which names files. Received: {line.strip()!r}")
        elif match[1] in places:
            problems.append(f"{place}: {match[1]} is listed twice, first in {places[match[1]]}")
        else:
            places[match[1]] = place
    if not places and not problems:
        problems.append(f"{list_file}: expected an id a line. Received: an empty file")
    return places, problems


def pair_ids(places, image_folder, label_folder, label_suffix=".png"):
    """Pairs `<id>.jpg` with its annotation for every id.

    Args:
        places: Dict from id to the place that names it, as from `listed_ids`.
        image_folder, label_folder: `epath.Path`s of the folders the files lie in.
        label_suffix: What follows the id in an annotation's name.

    Returns:
        `(pairs, problems)`: `ImagePair`s in the order of ids, and a string for every file that is not there.
    """
    pairs, problems = [], []
    for id_, place in places.items():
        pair = ImagePair(image_folder / f"{id_}.jpg", label_folder / f"{id_}{label_suffix}")
        missing = [path for path in (pair.image, pair.label) if not path.exists()]
        problems.extend(f"{place}: {path} does not exist. Restore it from the original archive" for path in missing)
        if not missing:
            pairs.append(pair)
    return pairs, problems
