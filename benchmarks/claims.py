"""Rows that several processes work off together: each row is claimed by one of them while it is made."""

import contextlib
import hashlib

import filelock


@contextlib.contextmanager
def claimed(path, key):
    """Claims the row `key` of the CSV `path` against other processes. A process that dies gives its claim back.

    Yields:
        Whether the row was free.
    """
    folder = path.with_name(f"{path.name}.claims")
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(repr(sorted(key.items())).encode()).hexdigest()[:16]
    lock = filelock.FileLock(folder / name, blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
