"""Errors of files and folders that cannot be written."""

import contextlib

import tensorflow as tf


@contextlib.contextmanager
def naming_failures(owner, path):
    """Raises an `OSError` that names the path if the block fails to write it.

    Args:
        owner: Name of the exporting function that the error mentions.
        path: Path that the block writes.
    """
    try:
        yield
    except FileExistsError:
        raise
    except (OSError, tf.errors.OpError) as error:
        raise OSError(
            f"`{owner}` expects a writable path with enough disk space. Received: {path}: {_reason(error)}. "
            "Existing files are unchanged."
        ) from error


def _reason(error):
    """Returns the reason of an error, which for TensorFlow omits the operation and the hidden file."""
    return error.message.split("; ")[-1].split(" [Op:")[0] if isinstance(error, tf.errors.OpError) else error
