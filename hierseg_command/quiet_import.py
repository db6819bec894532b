"""Imports TensorFlow without the lines that it prints."""

import contextlib
import faulthandler
import os
import shutil
import sys
import tempfile

# TensorFlow's own variable: 0 prints everything, 3 fatal errors alone.
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_ALL, _FATAL = "0", "3"
_STDERR = 2


def wants_all_lines():
    """Whether the user has asked for the lines of TensorFlow and of other packages."""
    return os.environ.get(LOG_LEVEL) == _ALL


@contextlib.contextmanager
def quiet_import():
    """Hides what TensorFlow prints while it is imported in the block, and has it silent afterwards.

    TensorFlow's C++ code writes its first lines, on oneDNN and CUDA, before it reads its log level, and past
    `sys.stderr`. The process's stderr is therefore a file during the block. If the block fails, the file's content is
    printed; if the process dies, the stack is. With `TF_CPP_MIN_LOG_LEVEL=0` nothing is hidden.
    """
    if wants_all_lines():
        yield
        return
    os.environ.setdefault(LOG_LEVEL, _FATAL)
    if not sys.stderr.isatty():
        # Of the bars that TFDS shows while it prepares a data set, a file would get every state.
        os.environ.setdefault("TQDM_DISABLE", "1")
    with tempfile.TemporaryFile() as hidden, _stderr_in(hidden) as stderr:
        try:
            yield
        except Exception:
            hidden.seek(0)
            shutil.copyfileobj(hidden, stderr)
            raise


@contextlib.contextmanager
def _stderr_in(file):
    """Puts a file in the place of the process's stderr; yields the latter as a binary file."""
    sys.stderr.flush()
    with os.fdopen(os.dup(_STDERR), "wb", buffering=0) as stderr:
        os.dup2(file.fileno(), _STDERR)
        faulthandler.enable(stderr)
        try:
            yield stderr
        finally:
            faulthandler.disable()
            sys.stderr.flush()
            os.dup2(stderr.fileno(), _STDERR)
