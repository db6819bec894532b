"""Writing of a model as one file, which is checked before it takes the place of an existing one."""

import contextlib
import os
import pathlib

from hierseg_keras.export.write_failures import naming_failures
from hierseg_keras.files import written_beside


def check_path(owner, path, suffix, overwrite):
    """Checks the path of a file, before anything is converted.

    Args:
        owner: Name of the exporting function that errors mention.
        path: `pathlib.Path`.
        suffix: Suffix that the path must have, so that no file of another kind is ever replaced.
        overwrite: Boolean, whether an existing file may be replaced.

    Raises:
        FileExistsError: If the path exists and `overwrite` is false, or it is a folder.
        ValueError: If the path has another suffix.
    """
    if path.suffix != suffix:
        raise ValueError(f"`{owner}` expects a path that ends in {suffix}. Received: {path}. Pass another path.")
    if path.is_dir():
        raise FileExistsError(f"`{owner}` expects the path of a file. Received: {path}, a folder. Choose another path.")
    if os.path.lexists(path) and not overwrite:
        raise FileExistsError(
            f"`{owner}` expects a path that does not exist. Received: {path}, which exists. Pass overwrite=True "
            "to replace it."
        )


@contextlib.contextmanager
def checked_file(owner, path, overwrite):
    """Yields a path beside `path`, to write and check a file at. It is moved to `path` if the block succeeds."""
    with naming_failures(owner, path), written_beside(pathlib.Path(path), replace=overwrite) as new:
        yield new
