"""Locks a folder, so that only one process at a time writes to it."""

import contextlib
import os

from hierseg_keras.files.file_lock import is_at, lock
from hierseg_keras.files.local_path import check_local

LOCK = ".lock"


@contextlib.contextmanager
def claimed(folder):
    """Locks a folder for this process while the block runs. Another process that tries to lock it fails at once.

    The operating system holds the lock on a file in the folder and releases it when the process ends, even if
    the process is killed. The file is removed when the block ends. The folder, and parent folders that were
    created for it, are removed too if they are still empty.

    Args:
        folder: `pathlib.Path`. Created if it does not exist.

    Raises:
        FileExistsError: If another process has locked the folder, or the path is not a folder.
        OSError: If the folder cannot be created or written to.
        ValueError: If the folder is an address such as gs://bucket.
    """
    check_local(folder)
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        descriptor = _lock(folder)
        try:
            yield
        finally:
            # Removed before the lock is released, so that a process that comes later creates a new file.
            (folder / LOCK).unlink(missing_ok=True)
            os.close(descriptor)
    finally:
        for path in made:
            try:
                path.rmdir()
            except OSError:
                break


def is_claimed(folder):
    """Returns whether a process has locked a folder."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        return lock(descriptor) is False
    finally:
        os.close(descriptor)


def _lock(folder):
    """Locks the file of the folder, and returns its descriptor."""
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise FileExistsError(
                f"expected a folder. Received: {folder}, which is a file, or whose parent is a file."
            ) from None
        try:
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue  # The process that held the lock has removed the folder.
        try:
            if lock(descriptor) is False:
                raise FileExistsError(
                    f"expected a folder that no other process writes to. Received: {folder}. Choose another one, or "
                    "wait."
                )
            if is_at(descriptor, folder / LOCK):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
