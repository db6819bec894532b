"""Limits what a command prints on stderr to the messages of this project."""

import contextlib
import logging
import pathlib
import warnings

import hierseg_keras
from hierseg_command.one_line import one_line
from hierseg_command.quiet_import import wants_all_lines
from hierseg_keras.cli.option_names import with_options

# The folders of this project's packages, which are siblings in an installation and in a checkout.
_OWN = tuple(
    str(pathlib.Path(hierseg_keras.__file__).parent.parent / name) for name in ("hierseg_keras", "tfds_builders")
)


@contextlib.contextmanager
def own_lines(command):
    """Prints each warning, and each log message of this project, in one line that begins with the command's name.

    Log messages of other packages are hidden unless `TF_CPP_MIN_LOG_LEVEL=0` is set.

    Args:
        command: String, name of the command, whose options replace arguments of Python functions in messages.
    """
    before = warnings.formatwarning
    warnings.formatwarning = lambda message, *_, **__: f"{_line(command, message)}\n"
    try:
        with contextlib.nullcontext() if wants_all_lines() else _own_logs(command):
            yield
    finally:
        warnings.formatwarning = before


@contextlib.contextmanager
def _own_logs(command):
    root, tensorflow = logging.getLogger(), logging.getLogger("tensorflow")
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: record.levelno >= logging.WARNING and is_own(record.pathname))
    handler.format = lambda record: _line(command, record.getMessage())
    before, level = root.handlers[:], tensorflow.level
    root.handlers[:] = [handler]
    # TensorFlow's logger has its own handler.
    tensorflow.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        root.handlers[:] = before
        tensorflow.setLevel(level)


def is_own(path):
    """Returns whether a source file, by its path, is part of this project."""
    return path.startswith(_OWN)


def _line(command, message):
    return f"hierseg {command}: warning: {with_options(one_line(message), command)}"
