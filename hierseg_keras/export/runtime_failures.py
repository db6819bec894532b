"""Errors of converters, and of the runtimes of converted files."""

import contextlib


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
            f"`{owner}` expects {expected}. Received: an error of {runtime}, {first_line(error)}. No file was written "
            "or replaced. Export a SavedModel."
        ) from error


def first_line(error):
    """Returns the first line of an error, or its type if it has no text, as a clause without a period."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__).strip().rstrip(".")
