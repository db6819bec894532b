"""Errors of converters, and of the runtimes of converted files."""

import contextlib

import tensorflow as tf


@contextlib.contextmanager
def naming_runtime_failures(owner, expected, runtime):
    """Raises a `RuntimeError` of one line if another package fails in the block, instead of that package's own error.

    Args:
        owner: Name of the exporting function that the error mentions.
        expected: What the function expects of the block, as the object of a sentence.
        runtime: What runs in the block, such as `"ONNX Runtime"`.
    """
    try:
        yield
    # The packages raise classes of their own, some of which are private.
    except Exception as error:
        raise RuntimeError(
            f"`{owner}` expects {expected}. Received: an error of {runtime}, {reason_of(error)}. No file was written "
            "or replaced. Export a SavedModel."
        ) from error


def reason_of(error):
    """Returns what an error says, as a clause in one line."""
    if isinstance(error, tf.errors.OpError):
        # The reason stands below the stack of operations, and above the name of the operation.
        lines = error.message.split("\n\t [[")[0].splitlines()[::-1]
    else:
        lines = str(error).splitlines()
    return next((line for line in lines if line.strip()), type(error).__name__).strip().rstrip(".")
