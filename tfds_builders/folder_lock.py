"""One process at a time in a folder, without a file to show for it."""

import contextlib
import os

from absl import logging

try:
    import fcntl
except ImportError:  # Windows.
    fcntl = None


@contextlib.contextmanager
def alone_in(folder):
    """Waits until no other process is inside `alone_in` of the same folder.

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
