"""A lock that lets one process at a time work in a folder, without a lock file."""

import contextlib
import os

from absl import logging

try:
    import fcntl
except ImportError:  # Windows.
    fcntl = None


@contextlib.contextmanager
def alone_in(folder):
    """Waits until no other process is inside of `alone_in` for the same folder.

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
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        logging.warning("%s: another process is preparing this data set; waiting for it", folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        return False
    return True
