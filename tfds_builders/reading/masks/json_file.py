"""Reads JSON files of annotations."""

import json

from tfds_builders.reading.file_problems import ImageFileError

# The largest annotation files, of a hundred thousand images in one file, have about 400 MB.
MAX_JSON_BYTES = 1 << 29


def read_json(path, max_bytes=MAX_JSON_BYTES):
    """Reads a JSON file whose top level is an object.

    Args:
        path: `epath.Path` or `ZipPath` of a UTF-8 file.
        max_bytes: Integer, size of the largest file to read. Defaults to 512 MiB.

    Returns:
        Dict.

    Raises:
        ImageFileError: If the file cannot be read, is too large, or is not such JSON. The error names the file.
    """
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise ImageFileError(f"{path}: expected at most {max_bytes:,} bytes. Received: more. It was not parsed")
        received = json.loads(content.decode("utf-8-sig"))
    except ImageFileError:
        raise
    except RecursionError:
        raise ImageFileError(f"{path}: expected annotations as JSON. Received: JSON that is nested too deep") from None
    # OSError, the errors of a damaged archive, UnicodeDecodeError, JSONDecodeError, and ValueError for long integers.
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageFileError(
            f"{path}: expected annotations as JSON. Received: {reason}. Export the annotations again"
        ) from error
    if not isinstance(received, dict):
        raise ImageFileError(
            f"{path}: expected a JSON object of annotations. Received: a {type(received).__name__}. "
            "Export the annotations again"
        )
    return received


def field(path, record, name, kind, place=""):
    """Returns `record[name]` after checking its type.

    Args:
        path: Path of the file, for errors.
        record: Value, expected to be a dict.
        name: String, key.
        kind: Class, or tuple of classes. A bool is not an integer here.
        place: String, description of the record in errors, such as `"shape 3: "`. Defaults to the whole file.

    Raises:
        ImageFileError: If `record` is not a dict, or has no value of this type.
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    value = record.get(name) if isinstance(record, dict) else record
    if not isinstance(record, dict) or not isinstance(value, kinds) or isinstance(value, bool) and bool not in kinds:
        expected = " or ".join(_KIND_NAMES[one] for one in kinds)
        raise ImageFileError(
            f"{path}: {place}expected {expected} as `{name}`. Received: {_short(value)}. Export the annotations again"
        )
    return value


_KIND_NAMES = {int: "an integer", float: "a number", str: "text", list: "a list", dict: "an object"}


def _short(value):
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]} ..."
