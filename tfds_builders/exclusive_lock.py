"""One process at a time in a folder, without a file to show for it."""

import contextlib
import os

import filelock
from absl import logging


@contextlib.contextmanager
def exclusive_lock(folder):
    """Waits until no other process is inside `exclusive_lock` of the same folder.

    The kernel ends a process's locks with the process, however that ends.

    Args:
        folder: `epath.Path` of an existing folder.

    Returns:
        A context manager whose value is whether the folder could be locked. Remote folders and
        some network file systems cannot be; nothing waits there.
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
