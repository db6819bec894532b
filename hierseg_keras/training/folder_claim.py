"""One process at a time in a folder."""

import contextlib
import errno
import os

import filelock

from hierseg_keras.files.written_beside import delete_unfinished

LOCK = ".lock"
# Of file systems without locks, where nothing is claimed.
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)


@contextlib.contextmanager
def claimed(folder):
    """Makes a folder this process's own while the block runs; another process is refused at once.

    The claim is a lock of the kernel's on a file in the folder, which ends with the process, however that
    ends: what a killed process leaves blocks nobody. The file is removed when the block ends, and so are
    the folder and those above it that were made for it, if nothing was put into them.

    Args:
        folder: `pathlib.Path`. Made where it is missing.

    Raises:
        FileExistsError: If another process has claimed the folder.
        OSError: If it cannot be made or written to.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        descriptor = _lock(folder)
        try:
            yield
        finally:
            # Before the lock ends: whoever opens the file afterwards makes a new one.
            (folder / LOCK).unlink(missing_ok=True)
            os.close(descriptor)
    finally:
        for path in made:
            try:
                path.rmdir()
            except OSError:
                break


def check_new(folder):
    """Refuses a folder that holds anything but its claim, and what a killed process left unfinished.

    Raises:
        FileExistsError: If it does.
    """
    delete_unfinished(folder)
    if any(path.name != LOCK for path in folder.iterdir()):
        raise FileExistsError(f"expected a new or empty folder for the run. Received: {folder}. Choose another one.")


def _lock(folder):
    """The descriptor of the folder's locked file."""
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise FileExistsError(f"expected a folder. Received: {folder}, which is a file or in one.") from None
        try:
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue  # The one who held it has removed the folder with it.
        try:
            if not _lock_file(descriptor):
                raise FileExistsError(
                    f"expected a folder that no other process writes to. Received: {folder}. Choose another one, or "
                    "wait."
                )
            if _is_at(descriptor, folder / LOCK):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock_file(descriptor):
    """Locks an open file. Returns whether no other process has; true where the file system has no locks."""
    # Not `filelock.FileLock`, which leaves its file behind.
    try:
        return filelock.lock_descriptor(descriptor, blocking=False)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        return True


def _is_at(descriptor, path):
    """Whether a file is still at a path, and not removed by the one who held it before."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
