"""Formats the error message with which the program ends."""

import re

from hierseg_command.one_line import one_line
from hierseg_keras.cli.option_names import with_options
from hierseg_keras.data.refusal import sentence_of
from hierseg_keras.messages.capped_list import capped
from hierseg_keras.training import ConfigError
from hierseg_keras.tree import TreeError

# Errors whose text is understandable by itself. For other errors, the name of the class is printed too.
_READABLE = (ValueError, TypeError, OSError, ArithmeticError, ImportError)
# Lines that TensorFlow adds to the message of an operation, which locate the failure in the code and in the graph.
_PLACE = re.compile(r'\s*(Graph execution error:|Detected at node|File "|<stack traces unavailable>|\[\[)')
_MAX_PROBLEMS = 50
# The errors by which TensorFlow and JAX report that a device is out of memory. A full disk is the same error.
_EXHAUSTED = {"ResourceExhaustedError", "XlaRuntimeError", "JaxRuntimeError"}
_NO_MEMORY = re.compile("OOM when allocating|out of memory", re.IGNORECASE)
_LESS_MEMORY = {
    "train": "Pass a smaller --data.batch_size or --data.crop_size, or --evaluation.batch_size 1 if it happened in the "
    "validation.",
    "evaluate": "Pass --window, such as --window 512x512.",
    "report": "Pass --window, such as --window 512x512.",
    "predict": "Pass --batch-size 1 or --window, such as --window 512x512.",
    "demo": "Pass a smaller --size.",
}
_PLACE_IN_LINE = re.compile(r"\{\{.*?\}\}|\[Op:.*?\]( name:.*)?")


def message_of(error, command=None):
    """Returns an error's message in one line. An error with a list of problems has one line per problem.

    Args:
        error: `Exception`.
        command: String, name of the command. If given, arguments of Python functions are replaced by the options of
            the command. Defaults to `None`.

    Returns:
        String without a stack trace.
    """
    if _is_out_of_memory(error):
        remedy = _LESS_MEMORY.get(command, "Use smaller batches or smaller images.")
        return f"expected enough memory on the device for the network and a batch. Received: out of memory. {remedy}"
    text = _text(error)
    if command is None:
        return text
    return with_options(text, command, about_keys=ConfigError in (type(error), type(error.__cause__)))


def _text(error):
    import tensorflow as tf

    if isinstance(error, TreeError) or isinstance(error.__cause__, TreeError):
        return str(error)
    problems = _problems(error) or _problems(error.__cause__)
    if problems:
        return "\n".join(one_line(problem) for problem in capped(problems, _MAX_PROBLEMS))
    whole = sentence_of(error) or str(error)
    lines = (_PLACE_IN_LINE.sub("", line) for line in whole.splitlines() if not _PLACE.match(line))
    text = one_line(" ".join(lines))
    return text if text and isinstance(error, (*_READABLE, tf.errors.OpError)) else f"{type(error).__name__}: {text}"


def _is_out_of_memory(error):
    names = {cls.__name__ for cls in type(error).__mro__}
    return bool(names & _EXHAUSTED and _NO_MEMORY.search(str(error)))


def _problems(error):
    """Returns the lines of an `ImageFileError`, or the problems of a `ConfigError`; `None` for other errors."""
    return getattr(error, "lines", None) or getattr(error, "problems", None)
