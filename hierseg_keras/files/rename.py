"""Atomic renames, on systems that support them."""

import ctypes
import errno
import os

# Constants of Linux's renameat2: paths relative to the working directory; fail if the target exists; exchange.
_WORKING_DIRECTORY, _NO_REPLACE, _EXCHANGE = -100, 1, 2
# The errors of kernels and file systems without renameat2.
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


def exchange(first, second, aside):
    """Exchanges two files or folders of one file system.

    On Linux this is atomic: both paths exist at every moment. On other systems, and on file systems
    that do not support it, `second` is first renamed to `aside`, and renamed back if the next step fails.

    Args:
        first, second: Existing paths.
        aside: Path that does not exist, in an existing folder. If the exchange is not atomic, the file or
            folder that was at `second` ends up here.

    Raises:
        OSError: If the system cannot rename them. Both are then in their old places.
    """
    if _renameat2(first, second, _EXCHANGE):
        return
    os.rename(second, aside)
    try:
        os.rename(first, second)
    except BaseException:
        os.rename(aside, second)
        raise


def rename_to_new(source, target):
    """Renames a file or folder to a path that does not exist.

    Raises:
        FileExistsError: If `target` exists. It is left as it is.
    """
    if _renameat2(source, target, _NO_REPLACE):
        return
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    os.rename(source, target)


def _renameat2(source, target, flags):
    """Calls renameat2 and returns `True`, or returns `False` if the system does not support it."""
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    # Windows has no such library, and other systems no such function.
    except (AttributeError, OSError, TypeError):
        return False
    paths = os.fsencode(source), os.fsencode(target)
    if function(_WORKING_DIRECTORY, paths[0], _WORKING_DIRECTORY, paths[1], flags) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(source), None, str(target))
