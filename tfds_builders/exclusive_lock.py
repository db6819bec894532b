"""A lock that lets one process at a time work in a folder."""

import contextlib
import os

import filelock
from absl import logging

# The file in the folder that is locked: NFS does not pass locks of folders on to other machines.
_LOCK = ".lock"
# How often to open a folder that other processes may remove at the same moment.
_TRIES = 1000


@contextlib.contextmanager
def exclusive_lock(folder):
    """Waits until no other process is inside of `exclusive_lock` for the same folder.

    The folder and its parents are made first. At the end, the folder and those parents that were made are removed if
    they are empty. The lock also ends if the process is killed. It is one of a file in the folder.

    Args:
        folder: `epath.Path`.

    Yields:
        Boolean, whether the folder could be locked. Remote folders and some network file systems
        do not support locks; the context manager does not wait there.
    """
    made = [path for path in folder.parents if not os.path.exists(path)]
    descriptor, is_alone = _opened(folder)
    try:
        yield is_alone
    finally:
        # Removed before the lock ends, so that no other process has begun to use them.
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.unlink(folder / _LOCK)
        for path in (folder, *made):
            with contextlib.suppress(OSError):
                os.rmdir(path)
        if descriptor is not None:
            os.close(descriptor)


def _opened(folder):
    """Returns a descriptor of a folder's lock file, which is made if necessary, and whether it could be locked."""
    if "://" in os.fspath(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return None, False
    for _ in range(_TRIES):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except (FileNotFoundError, FileExistsError):
            # Another process has just removed it, or its parent: before it was opened, or while `mkdir` looked at it.
            continue
        except OSError:
            # The folder is read-only.
            return None, False
        is_alone = _locked(descriptor, folder)
        if not is_alone or _is_current(descriptor, folder / _LOCK):
            return descriptor, is_alone
        # The process that this one waited for has removed the file.
        os.close(descriptor)
    return None, False


def _is_current(descriptor, path):
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


def _locked(descriptor, folder):
    try:
        if not filelock.lock_descriptor(descriptor, blocking=False):
            logging.warning("%s: another process is preparing this data set; waiting for it", folder)
            filelock.lock_descriptor(descriptor)
    # Some file systems have no locks.
    except OSError:
        return False
    return True
