"""A process that is killed at every moment at which it changes files."""

import os
import signal
import sys

# What Python reports before it opens, renames or removes a file.
_EVENTS = ("open", "os.mkdir", "os.remove", "os.rename", "os.rmdir")


def killed_at(moment, function):
    """Runs a function in a process of its own, which is killed before its so-manieth change of files.

    Args:
        moment: Integer, from 0.
        function: Without arguments.

    Returns:
        Whether it was killed: false where it has fewer such moments.
    """
    child = os.fork()
    if child == 0:
        seen = 0

        def watch(event, _):
            nonlocal seen
            if event in _EVENTS:
                seen += 1
                if seen > moment:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(watch)
            function()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the function failed"
    return os.WIFSIGNALED(status)
