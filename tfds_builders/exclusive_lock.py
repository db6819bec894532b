"""A lock that lets one process at a time work in a folder, without a lock file."""

import contextlib
import os

import filelock
from absl import logging


@contextlib.contextmanager
def exclusive_lock(folder):
    """Waits until no other process is inside of `exclusive_lock` for the same folder.

    The lock also ends if the process is killed.

    Args:
        folder: `epath.Path` of an existing folder.

    Yields:
        Boolean, whether the folder could be locked. Remote folders and some network file systems
        do not support locks; the context manager does not wait there.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        yield _locked(descriptor, folder)
    finally:
        os.close(descriptor)


def _locked(descriptor, folder):
    try:
        if not filelock.lock_descriptor(descriptor, blocking=False):
            logging.warning("%s: another process is preparing this data set; waiting for it", folder)
            filelock.lock_descriptor(descriptor)
    # Some file systems have no locks.
    except OSError:
        return False
    return True
