"""A lock that lets one process at a time work in a folder, without a lock file."""

import contextlib
import os

import filelock
from absl import logging

# How often to open a folder that other processes may remove at the same moment.
_TRIES = 1000


@contextlib.contextmanager
def exclusive_lock(folder):
    """Waits until no other process is inside of `exclusive_lock` for the same folder.

    The folder and its parents are made first. At the end, the folder and those parents that were made are removed if
    they are empty. The lock also ends if the process is killed.

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
        for path in (folder, *made):
            with contextlib.suppress(OSError):
                os.rmdir(path)
        if descriptor is not None:
            os.close(descriptor)


def _opened(folder):
    """Returns a descriptor of a folder, which is made if necessary, and whether it could be locked."""
    if "://" in os.fspath(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return None, False
    for _ in range(_TRIES):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY)
        except (FileNotFoundError, FileExistsError):
            # Another process has just removed it, or its parent: before it was opened, or while `mkdir` looked at it.
            continue
        except OSError:
            # Some systems cannot open folders.
            return None, False
        is_alone = _locked(descriptor, folder)
        if not is_alone or _is_current(descriptor, folder):
            return descriptor, is_alone
        # The process that this one waited for has removed the folder.
        os.close(descriptor)
    return None, False


def _is_current(descriptor, folder):
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(folder))
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
