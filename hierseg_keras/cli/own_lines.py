"""What the program prints on stderr while a command runs: lines of this project, and no others."""

import contextlib
import logging
import pathlib
import warnings

import hierseg_keras
from hierseg_command.one_line import one_line
from hierseg_command.quiet_import import wants_all_lines

# The packages beside each other, in an installation and in a checkout.
_OWN = tuple(
    str(pathlib.Path(hierseg_keras.__file__).parent.parent / name) for name in ("hierseg_keras", "tfds_builders")
)


@contextlib.contextmanager
def own_lines(name):
    """Prints warnings, and what this project logs, in one line each that begins with a command's name.

    What other packages log is left out, unless `TF_CPP_MIN_LOG_LEVEL=0` asks for it.
    """
    before = warnings.formatwarning
    warnings.formatwarning = lambda message, *_, **__: f"{_line(name, message)}\n"
    try:
        with contextlib.nullcontext() if wants_all_lines() else _own_logs(name):
            yield
    finally:
        warnings.formatwarning = before


@contextlib.contextmanager
def _own_logs(name):
    root, tensorflow = logging.getLogger(), logging.getLogger("tensorflow")
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: record.levelno >= logging.WARNING and record.pathname.startswith(_OWN))
    handler.format = lambda record: _line(name, record.getMessage())
    before, level = root.handlers[:], tensorflow.level
    root.handlers[:] = [handler]
    # It has a handler of its own.
    tensorflow.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        root.handlers[:] = before
        tensorflow.setLevel(level)


def _line(name, message):
    return f"{name}: warning: {one_line(message)}"
