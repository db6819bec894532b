"""Files that are written whole or not at all."""

import contextlib
import os


@contextlib.contextmanager
def replacing(path):
    """Replaces a file at once when the block ends, and leaves it as it was when the block fails.

    The new file is on the disk before it takes the old one's place, so that a process that is killed, a
    full disk, or a power cut leaves either of them whole.

    Args:
        path: `pathlib.Path` of the file.

    Returns:
        A context manager. Its value is the path, in the same folder, that the block writes to.
    """
    beside = path.with_name(f"saving.{path.name}")
    try:
        yield beside
        _flush(beside)
        os.replace(beside, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            # What fails while it is written, as on a full disk, has no name.
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    _flush(path.parent)


def write_whole(path, content):
    """Writes bytes, or text as UTF-8, to a file as `replacing` does."""
    with replacing(path) as beside:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)


def _flush(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
