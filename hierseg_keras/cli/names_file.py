"""Reads the class names of masks that hold only numbers or colors."""

import pathlib
import re

from hierseg_keras.data.colors import as_color

# `#800000 car`, `128 0 0 car`, or `128,0,0,car`.
_NUMBERED = re.compile(r"(\d+)[\s,:;]+(\S.*)")
_COLORED = re.compile(r"(#[0-9a-fA-F]{6}|\d+[\s,]+\d+[\s,]+\d+)[\s,:;]+(\S.*)")


def read_lines(path):
    """Returns the lines of a UTF-8 file without spaces at their ends.

    Raises:
        ValueError: If the file has another encoding.
    """
    try:
        lines = pathlib.Path(path).read_bytes().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: expected UTF-8 text, one class name per line. Received: another encoding.") from None
    return [line.strip() for line in lines]


def names_of(path, lines, format_):
    """Returns a dict from class ids or colors to names.

    Args:
        path: Path of the file, for errors.
        lines: List of strings. For the format `index`, the names in the order of the ids, or an id and a name per line,
            such as `7 car`. For `colors`, a color and a
            name per line, such as `#800000 car` or `128 0 0 car`; empty lines are ignored.
        format_: String, format of the masks.

    Raises:
        ValueError: If the masks have another format; they hold ids and most lines are a color and a name; they hold
            colors and a line is not; a line is not an id and a name although most lines are; or an id or a color has
            two names.
    """
    places = [(f"{path}:{number}", line) for number, line in enumerate(lines, start=1) if line]
    if format_ == "index":
        if 2 * sum(bool(_COLORED.fullmatch(line)) for _, line in places) > len(places):
            raise ValueError(
                f"{path}: expected one class name per line, or an id and a name such as 7 car, because the masks hold "
                f"ids. Received: colors and names, such as {places[0][1][:80]!r}. Write the ids in place of the colors."
            )
        if 2 * sum(bool(_NUMBERED.fullmatch(line)) for _, line in places) > len(places):
            return _once(((place, *_numbered(place, line)) for place, line in places), "id")
        return dict(enumerate(lines))
    if format_ != "colors":
        raise ValueError(
            "--names expects masks of the formats index or colors, whose classes have no names. Received: masks of the "
            f"format {format_}. Write names into the column `class` of the table."
        )
    return _once(((place, *_colored(place, line)) for place, line in places), "color")


def _once(rows, what):
    """Returns a dict from ids or colors to names, of rows (place, key, name). Raises `ValueError` for two names."""
    names = {}
    for place, key, name in rows:
        if names.setdefault(key, name) != name:
            raise ValueError(f"{place}: expected one name per {what}. Received: {names[key]!r} and {name!r} for {key}.")
    return names


def _numbered(place, line):
    match = _NUMBERED.fullmatch(line)
    if match is None:
        raise ValueError(
            f"{place}: expected an id and a name, such as 7 car, as in most lines. Received: {line[:80]!r}. Correct or "
            "remove the line."
        )
    return int(match[1]), match[2]


def _colored(place, line):
    match = _COLORED.fullmatch(line)
    text = match[1] if match else ""
    color = as_color(text) or as_color([int(part) for part in re.split(r"[\s,]+", text) if part.isdecimal()])
    if color is None:
        raise ValueError(
            f"{place}: expected a color and a name, such as #800000 car, or 128 0 0 car. Received: {line[:80]!r}."
        )
    return color, match[2]
