"""Checks that all processes of a training agree, and names the processes that were lost."""

import contextlib
import json
import re

from hierseg_keras.distribution.processes import process_count, process_index, texts_of_all
from hierseg_keras.training.config.changes import differences
from hierseg_keras.training.config.problems import ConfigError, shown

# What the errors of JAX's collective operations contain if another process has ended. Their classes are general ones.
_LOST = re.compile(r"gloo|nccl|closed by peer|connection reset|coordination service|heartbeat", re.IGNORECASE)


def check_agreement(values):
    """Checks that all processes of a training have the same values. All processes must call it.

    Args:
        values: Nested dict of JSON values.

    Raises:
        ConfigError: In all processes, if a value differs from that of the first process. The error names all such
            values.
    """
    first, *others = (json.loads(text) for text in texts_of_all(json.dumps(values)))
    problems = [
        f"`{name}` expects {shown(before)}, as in process 0. Received: {shown(now)} in process {number}."
        for number, values in enumerate(others, 1)
        for name, (before, now) in differences(first, values).items()
    ]
    if problems:
        raise ConfigError(problems)


@contextlib.contextmanager
def naming_lost_processes():
    """Replaces the error of a step whose other processes have ended.

    Raises:
        ConnectionError: If another process of the training has ended or cannot be reached.
    """
    try:
        yield
    except Exception as error:
        if process_count() == 1 or not any(_LOST.search(str(each)) for each in _chain(error)):
            raise
        raise ConnectionError(
            f"process {process_index()} of {process_count()} has lost another process, which has ended or cannot be "
            "reached. See the messages of the other processes. The folder keeps the last checkpoint: start all "
            "processes again with `resume`."
        ) from error


def _chain(error):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
