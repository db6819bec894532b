"""Writes many files into one folder, each completely or not at all."""

import contextlib
import itertools
import os
import pathlib
from collections.abc import Iterator

from hierseg_keras.files.local_path import check_local
from hierseg_keras.files.rename import rename_to_new
from hierseg_keras.files.written_beside import flush_file, flush_folder, hidden_folder, naming

# The name that the hidden folder is called after.
_HIDDEN_NAME = "files"


class FileWriter:
    """Writes files below a folder through one hidden folder, which is made once. Threads may share it.

    `written_beside` makes a hidden folder per file, and looks through the whole folder for those of killed
    processes. With many files in one folder, that takes longer the more files there are.

    Args:
        folder: `pathlib.Path`, the folder that will contain the files.
        hidden: `pathlib.Path` of an empty folder on the same file system.
    """

    def __init__(self, folder, hidden):
        self._folder, self._hidden = folder, hidden
        self._numbers, self._parents = itertools.count(), {folder}

    @contextlib.contextmanager
    def file(self, name: str, replace: bool = True) -> Iterator[pathlib.Path]:
        """Writes one file, as `written_beside` does.

        Args:
            name: Path of the file inside of the folder. Missing folders are created.
            replace: Boolean, whether an existing file may be replaced. Defaults to `True`.

        Yields:
            `pathlib.Path` with the suffix of `name`. The block writes the file there.

        Raises:
            FileExistsError: If `replace` is false and the file exists at the end.
            OSError: If the disk is full or the folder cannot be written to. The error names a path.
        """
        path = self._folder / name
        new = self._hidden / f"{next(self._numbers)}{path.suffix}"
        with naming(path):
            try:
                yield new
                flush_file(new)
                if path.parent not in self._parents:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    self._parents.add(path.parent)
                (os.replace if replace else rename_to_new)(new, path)
            finally:
                new.unlink(missing_ok=True)

    def write(self, name: str, content: bytes, replace: bool = True) -> None:
        """Writes bytes to a file, as `file` does."""
        with self.file(name, replace) as new:
            new.write_bytes(content)


@contextlib.contextmanager
def written_into(folder: str | os.PathLike) -> Iterator[FileWriter]:
    """Writes many files into a folder. Each is moved to its path in one step when it is complete.

    A killed process leaves a hidden folder, which the next call for the same folder deletes.

    Args:
        folder: Path of the folder. It is created if it is missing, and removed again if nothing was written.

    Yields:
        `FileWriter`.

    Raises:
        OSError: If the folder cannot be created or written to. The error names a path.
        ValueError: If `folder` is an address such as gs://bucket.

    Example:

    >>> from hierseg_keras.files import written_into
    >>> with written_into("results") as writer:
    ...     writer.write("day_1/notes.txt", b"complete")
    >>> open("results/day_1/notes.txt").read()
    'complete'
    """
    check_local(folder)
    folder = pathlib.Path(os.path.realpath(folder))
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with hidden_folder(folder / _HIDDEN_NAME) as hidden:
            yield FileWriter(folder, hidden)
        flush_folder(folder)
    finally:
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()
