"""Formats the error message with which the program ends."""

import re

from hierseg_command.one_line import one_line
from hierseg_keras.data.refusal import sentence_of
from hierseg_keras.tree import TreeError

# Errors whose text is understandable by itself. For other errors, the name of the class is printed too.
_READABLE = (ValueError, TypeError, OSError, ArithmeticError, ImportError)
# Lines that TensorFlow adds to the message of an operation, which locate the failure in the code and in the graph.
_PLACE = re.compile(r'\s*(Graph execution error:|Detected at node|File "|<stack traces unavailable>|\[\[)')
_PLACE_IN_LINE = re.compile(r"\{\{.*?\}\}|\[Op:.*?\]( name:.*)?")


def message_of(error):
    """Returns an error's message in one line. A `TreeError` or `ConfigError` has one line per problem.

    Args:
        error: `Exception`.

    Returns:
        String without a stack trace.
    """
    import tensorflow as tf

    if isinstance(error, TreeError) or isinstance(error.__cause__, TreeError):
        return str(error)
    # The problems of a `ConfigError`, one line each.
    problems = getattr(error, "problems", None) or getattr(error.__cause__, "problems", None)
    if problems:
        return "\n".join(one_line(problem) for problem in problems)
    whole = sentence_of(error) or str(error)
    lines = (_PLACE_IN_LINE.sub("", line) for line in whole.splitlines() if not _PLACE.match(line))
    text = one_line(" ".join(lines))
    return text if text and isinstance(error, (*_READABLE, tf.errors.OpError)) else f"{type(error).__name__}: {text}"
