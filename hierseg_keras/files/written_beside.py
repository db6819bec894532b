"""A file or folder that takes its place when it is complete."""

import contextlib
import os
import pathlib
import shutil
import tempfile

import filelock

from hierseg_keras.files.rename import exchange, rename_to_new

# The end of a hidden folder's name, by which those of processes that were killed are found.
UNFINISHED = ".unfinished"
# Inside of it: what is being written, and what makes room for it where that takes two steps.
_NEW, _OLD = "new", "old"
_SHOWN_LENGTH = 40


@contextlib.contextmanager
def written_beside(path, replace=True):
    """Writes a file or folder beside its place, and puts it there in one step when it is complete.

    Whoever watches `path` sees what was there before, or what is new, and never half of it, even if
    the process is killed. If the block fails, what was there before stays, and nothing else. The
    hidden folder `.<name>.<random>.unfinished` that a killed process leaves beside `path` is deleted
    by the next call for any path in the same folder; the lock of a process that still runs protects
    its own, where the file system has locks.

    Args:
        path: Where the file or folder is to be. Missing parents are made. A symbolic link is followed.
        replace: Whether an existing file or folder may be replaced. Defaults to true.

    Yields:
        `pathlib.Path` of the same name in a hidden folder, at which the block writes the file or folder.

    Raises:
        FileExistsError: If `replace` is false and `path` exists at the end.
        OSError: If the disk is full or the folder cannot be written to; the message names a path.

    Example:

    >>> from hierseg_keras.files import written_beside
    >>> with written_beside("notes.txt") as new:
    ...     _ = new.write_text("complete")
    >>> open("notes.txt").read()
    'complete'
    """
    path = pathlib.Path(os.path.realpath(path))
    with _naming(path), _parents(path), _hidden_folder(path) as hidden:
        new = hidden / _NEW / path.name
        yield new
        _flush(new)
        _put(new, path, hidden / _OLD / path.name, replace)
        _flush_folder(path.parent)


def write_whole(path, content):
    """Writes bytes, or text as UTF-8, to a file, as `written_beside` does.

    Args:
        path: As in `written_beside`.
        content: Bytes, bytes-like object, or string.
    """
    with written_beside(path) as new:
        new.write_bytes(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def _naming(path):
    """Names a path in errors that have none, as those of a disk that is full while a file is written."""
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
        raise FileExistsError(f"expected a {kinds[0]} to replace. Received: {path}, a {kinds[1]}.")
    elif new.is_dir():
        exchange(new, path, aside)
    else:
        os.replace(new, path)


def delete_unfinished(folder):
    """Deletes what processes that were killed inside of `written_beside` have left in a folder."""
    for name in os.listdir(folder):
        if name.startswith(".") and name.endswith(UNFINISHED):
            hidden = pathlib.Path(folder, name)
            with _locked(hidden) as is_dead:
                if is_dead:
                    _clear(hidden)


@contextlib.contextmanager
def _parents(path):
    """Makes the folders above a path, and takes them away if the block fails and they are empty."""
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
def _hidden_folder(path):
    delete_unfinished(path.parent)
    prefix = f".{path.name[:_SHOWN_LENGTH]}."
    while True:
        hidden = pathlib.Path(tempfile.mkdtemp(prefix=prefix, suffix=UNFINISHED, dir=path.parent))
        with _locked(hidden) as is_ours:
            # Another process may have taken it for a dead one's before it was locked, and is deleting it.
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
    """Deletes a hidden folder; what made room for a successor that never came goes back first."""
    with contextlib.suppress(OSError):
        for old in (hidden / _OLD).iterdir():
            if not os.path.lexists(hidden.parent / old.name):
                old.rename(hidden.parent / old.name)
    shutil.rmtree(hidden, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder):
    """Locks a folder until the end of the block. The kernel ends a process's locks with it, however it ends.

    Yields:
        Whether the folder exists and no other process has it locked; `None` where there are no locks.
    """
    if not filelock.has_fcntl:
        yield None
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        yield False
        return
    try:
        yield _lock(descriptor, folder)
    finally:
        os.close(descriptor)


def _lock(descriptor, folder):
    try:
        if not filelock.lock_descriptor(descriptor, blocking=False):
            return False
    except OSError:
        return None
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(folder))
    except OSError:
        return False


def _flush(path):
    """Waits until a file, or all of a folder, has reached the disk: a full disk may show only then."""
    files = [path] if not path.is_dir() else [file for file in path.rglob("*") if file.is_file()]
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    for folder in {file.parent for file in files}:
        _flush_folder(folder)


def _flush_folder(folder):
    # Some file systems, and Windows, cannot.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
