"""A disk on which no file can grow beyond a size."""

import contextlib
import resource


@contextlib.contextmanager
def full_disk(size=0):
    """Lets writing more bytes into a file fail, as it does on a full disk, while the block runs."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
