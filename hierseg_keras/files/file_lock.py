"""Locks an open file against other processes, until it is closed or the process ends."""

import os

import filelock

# `filelock.FileLock` is not used because it does not remove its file.


def lock(descriptor):
    """Locks an open file, without waiting.

    Args:
        descriptor: Integer, a file descriptor.

    Returns:
        Boolean, whether no other process holds the lock. `None` if the file system has no locks.
    """
    try:
        return filelock.lock_descriptor(descriptor, blocking=False)
    except OSError:
        return None


def is_at(descriptor, path):
    """Returns whether an open file is still the one at a path, and was not removed by another process."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False
