"""Hides the messages that TensorFlow prints while it is imported."""

import contextlib
import faulthandler
import os
import shutil
import sys
import tempfile

# TensorFlow's environment variable: 0 prints everything, 3 prints only fatal errors.
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_ALL, _FATAL = "0", "3"
# Its file descriptor.
STDERR = 2


def wants_all_lines():
    """Returns whether the user has asked for the messages of TensorFlow and of other packages."""
    return os.environ.get(LOG_LEVEL) == _ALL


@contextlib.contextmanager
def quiet_import():
    """Hides what TensorFlow prints while the block imports it, and sets its log level to fatal errors.

    TensorFlow's C++ code writes its first messages, about oneDNN and CUDA, before it reads its log level, and it does
    not use `sys.stderr`. The process's stderr is therefore redirected to a file during the block. If the block
    fails, the file's content is printed. If the process crashes, the stack is printed. With
    `TF_CPP_MIN_LOG_LEVEL=0` nothing is hidden.
    """
    if wants_all_lines():
        yield
        return
    os.environ.setdefault(LOG_LEVEL, _FATAL)
    if not sys.stderr.isatty():
        # Without a terminal, each update of TFDS's progress bars would be written as a separate line.
        os.environ.setdefault("TQDM_DISABLE", "1")
    with tempfile.TemporaryFile() as hidden, _stderr_in(hidden) as stderr:
        try:
            yield
        except Exception:
            hidden.seek(0)
            shutil.copyfileobj(hidden, stderr)
            raise


@contextlib.contextmanager
def quiet_stderr():
    """Hides what the process writes to stderr during the block, even from C++, for code that logs in its own way.

    Errors are raised as usual. With `TF_CPP_MIN_LOG_LEVEL=0` nothing is hidden.
    """
    if wants_all_lines():
        yield
        return
    with tempfile.TemporaryFile() as hidden, _stderr_in(hidden):
        yield


@contextlib.contextmanager
def _stderr_in(file):
    """Redirects the process's stderr to a file, and yields the original stderr as a binary file."""
    sys.stderr.flush()
    with os.fdopen(os.dup(STDERR), "wb", buffering=0) as stderr:
        os.dup2(file.fileno(), STDERR)
        faulthandler.enable(stderr)
        try:
            yield stderr
        finally:
            faulthandler.disable()
            sys.stderr.flush()
            os.dup2(stderr.fileno(), STDERR)
