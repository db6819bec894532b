"""Reads a JSON file that contains an object."""

import json
import os
import pathlib
from typing import Any


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """Reads a JSON file whose top level is an object.

    Args:
        path: Path of a UTF-8 file.

    Returns:
        Dict.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the file is not UTF-8, not JSON, nested too deep, or contains no object.
    """
    try:
        content = json.loads(pathlib.Path(path).read_text("utf-8"))
    except RecursionError:
        raise ValueError("JSON that is nested too deep") from None
    if not isinstance(content, dict):
        raise ValueError(f"a {type(content).__name__}, not an object")
    return content
