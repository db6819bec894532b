"""Writes a file or folder to a temporary place and moves it to its path when it is complete."""

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

import filelock

from hierseg_keras.files.file_lock import is_at, lock
from hierseg_keras.files.local_path import check_local
from hierseg_keras.files.rename import exchange, rename_to_new

# The suffix of temporary folders, by which folders of killed processes are found.
UNFINISHED = ".unfinished"
# Folders inside of it: for the new file, and for the file that it replaces if that takes two steps.
_NEW, _OLD = "new", "old"
# The file in it that is locked: NFS does not pass locks of folders on to other machines.
_LOCK = ".lock"
_SHOWN_LENGTH = 40


@contextlib.contextmanager
def written_beside(path: str | os.PathLike, replace: bool = True) -> Iterator[pathlib.Path]:
    """Writes a file or folder beside its path and moves it there in one step when it is complete.

    At every moment, `path` holds either the old content or the complete new content, even if the
    process is killed. If the block raises an error, the old content stays and nothing else is left.
    A killed process leaves a hidden folder `.<name>.<random>.unfinished` beside `path`, which the next
    call for any path in the same folder deletes. The folder of a running process is protected by a
    lock, if the file system has locks.

    Args:
        path: Path of the file or folder. Missing parent folders are created. A symbolic link is followed.
        replace: Boolean, whether an existing file or folder may be replaced. Defaults to `True`.

    Yields:
        `pathlib.Path` in a hidden folder, with the same name. The block writes the file or folder there.

    Raises:
        FileExistsError: If `replace` is false and `path` exists at the end; or if one is a file and the
            other a folder.
        OSError: If the disk is full or the folder cannot be written to. The error names a path.
        ValueError: If `path` is an address such as gs://bucket.

    Example:

    >>> from hierseg_keras.files import written_beside
    >>> with written_beside("notes.txt") as new:
    ...     _ = new.write_text("complete")
    >>> open("notes.txt").read()
    'complete'
    """
    check_local(path)
    path = pathlib.Path(os.path.realpath(path))
    with naming(path), _parents(path), hidden_folder(path) as hidden:
        new = hidden / _NEW / path.name
        yield new
        _flush(new)
        _put(new, path, hidden / _OLD / path.name, replace)
        flush_folder(path.parent)


def write_whole(path: str | os.PathLike, content: bytes | bytearray | memoryview | str) -> None:
    """Writes bytes, or text as UTF-8, to a file, as `written_beside` does.

    Args:
        path: As in `written_beside`.
        content: Bytes-like object, or string.
    """
    with written_beside(path) as new:
        new.write_bytes(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def naming(path):
    """Adds a path to errors that have none, such as that of a disk that becomes full during writing."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _put(new, path, aside, replace):
    if not replace:
        rename_to_new(new, path)
    elif not os.path.lexists(path):
        os.rename(new, path)
    elif new.is_dir() != path.is_dir():
        kinds = [("folder" if one.is_dir() else "file") for one in (new, path)]
        raise FileExistsError(
            f"A {kinds[0]} can only replace a {kinds[0]}. Received: {path}, a {kinds[1]}. Choose another path."
        )
    elif new.is_dir():
        exchange(new, path, aside)
    else:
        os.replace(new, path)


def delete_unfinished(folder):
    """Deletes the temporary folders that killed processes have left in a folder."""
    for name in os.listdir(folder):
        if name.startswith(".") and name.endswith(UNFINISHED):
            hidden = pathlib.Path(folder, name)
            with _locked(hidden) as is_dead:
                if is_dead:
                    _clear(hidden)


@contextlib.contextmanager
def _parents(path):
    """Creates the folders above a path. If the block raises an error, removes those of them that are empty."""
    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in missing:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


@contextlib.contextmanager
def hidden_folder(path):
    """Makes a hidden, locked folder beside a path, and deletes it at the end of the block with all that it contains."""
    delete_unfinished(path.parent)
    prefix = f".{path.name[:_SHOWN_LENGTH]}."
    while True:
        hidden = pathlib.Path(tempfile.mkdtemp(prefix=prefix, suffix=UNFINISHED, dir=path.parent))
        with _locked(hidden) as is_ours:
            # Before it was locked, another process may have mistaken it for a killed process's folder and deleted it.
            if is_ours is False:
                continue
            try:
                for name in (_NEW, _OLD):
                    (hidden / name).mkdir()
                yield hidden
            finally:
                _clear(hidden)
            return


def _clear(hidden):
    """Deletes a temporary folder. An old file whose replacement was not completed is moved back first."""
    with contextlib.suppress(OSError):
        for old in (hidden / _OLD).iterdir():
            if not os.path.lexists(hidden.parent / old.name):
                old.rename(hidden.parent / old.name)
    shutil.rmtree(hidden, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder):
    """Locks a folder until the end of the block. The lock also ends if the process is killed.

    Yields:
        Boolean, whether the folder exists and is not locked by another process. `None` if it cannot be locked.
    """
    if not filelock.has_fcntl:
        yield None
        return
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except FileNotFoundError:
        yield False
        return
    except OSError:
        # The folder is another user's, or the disk is full.
        yield None
        return
    try:
        is_ours = lock(descriptor)
        # Another process may have removed the file before it was locked.
        yield is_ours and is_at(descriptor, folder / _LOCK)
    finally:
        os.close(descriptor)


def _flush(path):
    """Waits until a file or folder is on the disk. Some full disks raise an error only then."""
    files = [path] if not path.is_dir() else [file for file in path.rglob("*") if file.is_file()]
    for file in files:
        flush_file(file)
    for folder in {file.parent for file in files}:
        flush_folder(folder)


def flush_file(path):
    """Waits until the content of a file is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folder(folder):
    """Waits until the names of the files in a folder are on the disk."""
    # Windows and some file systems do not support this.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
