"""Renames that one step completes, where the system has such a step."""

import ctypes
import errno
import os

# Of Linux's renameat2: paths are relative to the working directory; refuse an existing target; exchange both.
_WORKING_DIRECTORY, _NO_REPLACE, _EXCHANGE = -100, 1, 2
# What kernels and file systems without it answer.
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


def exchange(first, second, aside):
    """Exchanges two files or folders of one file system.

    On Linux this is one step: at no moment is either path without a file. Elsewhere, and on file
    systems that cannot do it, `second` goes to `aside` first and comes back if the next step fails.

    Args:
        first, second: Paths that both exist.
        aside: Path that does not exist, in a folder that does; where `second` ends up if it is not one step.

    Raises:
        OSError: If the system refuses; both are then where they were.
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
    """Renames a file or folder, and refuses a target that exists.

    Raises:
        FileExistsError: If `target` exists, which is left as it is.
    """
    if _renameat2(source, target, _NO_REPLACE):
        return
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    os.rename(source, target)


def _renameat2(source, target, flags):
    """Whether the system could do it."""
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
