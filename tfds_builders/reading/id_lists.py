"""Reads lists of files, and of ids from which file names are made."""

import re

from tfds_builders.reading.image_files import as_path

ID_LINE = r"(\S+)"


def listed_ids(list_file, line_pattern=ID_LINE):
    """Reads a list with one id per line.

    Args:
        list_file: Path of a UTF-8 text file. Empty lines are skipped.
        line_pattern: Regular expression for a whole line, whose group 1 is the id. Defaults to a line with the id
            alone.

    Returns:
        A pair `(places, problems)`. `places` is a dict from id to `<file>:<line>`, in the list's order. `problems` is
        a list of strings: one per line that is not an id or repeats one, or one for a list that is empty or cannot
        be read.
    """
    lines, problems = read_lines(list_file)
    places = {}
    for number, line in lines:
        place, match = f"{list_file}:{number}", re.fullmatch(line_pattern, line.strip())
        if match is None or not re.fullmatch(r"\w[\w.-]*", match[1]):
            problems.append(f"{place}: expected an id, the part of a file name. Received: {line.strip()!r}")
        elif match[1] in places:
            problems.append(f"{place}: {match[1]} is listed twice, first in {places[match[1]]}")
        else:
            places[match[1]] = place
    if not places and not problems:
        problems.append(f"{list_file}: expected one id per line. Received: an empty file")
    return places, problems


def read_lines(list_file):
    """Returns the non-empty lines of a file as `([(number, line), ...], problems)`."""
    try:
        with as_path(list_file).open("rb") as file:
            lines = file.read().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return [], [f"{list_file}: expected a list of files as UTF-8 text. Received: {error}"]
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()], []
