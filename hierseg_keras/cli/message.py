"""What the program says when it ends with an error."""

import re

from hierseg_command.one_line import one_line
from hierseg_keras.data.refusal import sentence_of
from hierseg_keras.tree import TreeError

# Kinds of errors whose text is for the one who reads it; of others the kind is printed too.
_READABLE = (ValueError, TypeError, OSError, ArithmeticError, ImportError)
# Lines that TensorFlow puts around the message of an operation: where in the code and in the graph it failed.
_PLACE = re.compile(r'\s*(Graph execution error:|Detected at node|File "|<stack traces unavailable>|\[\[)')
_PLACE_IN_LINE = re.compile(r"\{\{.*?\}\}|\[Op:.*?\]( name:.*)?")


def message_of(error):
    """An error's message in one line; a `TreeError` or `ConfigError` keeps its list, one line per mistake.

    Args:
        error: `Exception`.

    Returns:
        String without a stack trace.
    """
    import tensorflow as tf

    if isinstance(error, TreeError) or isinstance(error.__cause__, TreeError):
        return str(error)
    # Of a configuration: each is a line.
    problems = getattr(error, "problems", None) or getattr(error.__cause__, "problems", None)
    if problems:
        return "\n".join(one_line(problem) for problem in problems)
    whole = sentence_of(error) or str(error)
    lines = (_PLACE_IN_LINE.sub("", line) for line in whole.splitlines() if not _PLACE.match(line))
    text = one_line(" ".join(lines))
    return text if text and isinstance(error, (*_READABLE, tf.errors.OpError)) else f"{type(error).__name__}: {text}"
