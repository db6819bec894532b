"""The hash of a file's content."""

import hashlib
import os
import pathlib


def file_hash(path: str | os.PathLike) -> str:
    """Returns the SHA-256 hash of a file as a hexadecimal string.

    Args:
        path: Path of the file.

    Raises:
        OSError: If the file cannot be read.
    """
    with pathlib.Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
