"""Training in several processes, on one or several machines, with the JAX backend.

Every process runs the same program on its own devices. It loads its own part of every batch, and JAX computes each step
over all devices, so that losses, metrics and weights are those of one process, up to the order of float additions. Only
the first process writes files.
"""

import contextlib
import os
import sys

import keras
import numpy as np

from hierseg_keras.arguments.exact_integer import is_count

# JAX's own default is 100. Two heartbeats may be late before a process counts as lost.
HEARTBEAT_SECONDS = 20
# How long a process waits for the others: at the start, and at the end.
_START_SECONDS, _END_SECONDS = 300, 60
_BATCH, _MODEL = "batch", "model"


def start_processes(
    coordinator: str | None = None, processes: int = 1, process_id: int = 0, model_devices: int = 1
) -> None:
    """Connects this process with the others of a training, and distributes all networks that are made afterwards.

    Call it in every process, before the first use of JAX, with the same arguments except for `process_id`. Then call
    `training.train` in every process with the same configuration and the same folder, which all processes must be able
    to read. `hierseg train --coordinator` does both.

    A batch is divided equally among all devices of all processes. With `model_devices`, a group of devices shares one
    part of the batch, and each of them holds an equal part of every kernel and its optimizer state.

    Args:
        coordinator: String, `"host:port"` of process 0, which the others connect to. Defaults to `None` for a single
            process.
        processes: Integer, number of processes. Defaults to 1.
        process_id: Integer, number of this process, from 0. Defaults to 0.
        model_devices: Integer, number of devices that share the output channels of every kernel. It divides the number
            of devices, and requires a single process. Defaults to 1: every device holds the whole network.

    Raises:
        ValueError: If the backend is not JAX, an argument does not fit the others, or the number of devices is not a
            multiple of `model_devices`.
        ConnectionError: If the other processes cannot be reached within five minutes.

    Example:

    >>> if keras.backend.backend() == "jax":
    ...     hs.distribution.start_processes("10.0.0.1:12345", processes=2, process_id=1)
    """
    if keras.backend.backend() != "jax":
        raise ValueError(
            "training in several processes expects the JAX backend. Received: the backend "
            f"{keras.backend.backend()}. Set the environment variable KERAS_BACKEND=jax before Keras is imported."
        )
    _check(coordinator, processes, process_id, model_devices)
    import jax

    leave_gpus()
    if processes > 1:
        # It would catch SIGTERM before the training does.
        jax.config.update("jax_enable_preemption_service", False)
        try:
            jax.distributed.initialize(
                coordinator,
                processes,
                process_id,
                initialization_timeout=_START_SECONDS,
                heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
                shutdown_timeout_seconds=_END_SECONDS,
                cluster_detection_method="deactivate",
            )
        except (RuntimeError, ValueError) as error:
            raise ConnectionError(
                f"process {process_id} of {processes} could not connect to the others at {coordinator}. Check the "
                f"address, and that all processes were started. ({str(error).splitlines()[0]})"
            ) from error
    keras.distribution.set_distribution(_distribution(model_devices))


def leave_gpus():
    """Keeps TensorFlow from taking the memory of the GPUs, which another backend uses."""
    import tensorflow as tf

    # It raises an error if TensorFlow has taken them already.
    with contextlib.suppress(RuntimeError):
        tf.config.set_visible_devices([], "GPU")


def _check(coordinator, processes, process_id, model_devices):
    for name, value in (("processes", processes), ("model_devices", model_devices)):
        if not is_count(value):
            raise ValueError(f"`{name}` expects an integer >= 1. Received: {name}={value!r}.")
    if not 0 <= process_id < processes:
        raise ValueError(
            f"`process_id` expects a number from 0 to {processes - 1}, one less than the number of processes. "
            f"Received: {process_id}."
        )
    if processes > 1 and coordinator is None:
        raise ValueError(
            f"`coordinator` expects the address host:port of process 0. Received: None with {processes} processes."
        )
    if processes > 1 and model_devices > 1:
        raise ValueError(
            "`model_devices` expects a single process, because a network is divided among the devices of one machine. "
            f"Received: model_devices={model_devices} with {processes} processes."
        )


def _distribution(model_devices):
    import jax

    devices = keras.distribution.list_devices()
    if model_devices == 1:
        return keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False)
    if len(devices) % model_devices:
        raise ValueError(
            f"`model_devices` expects a divisor of the number of devices ({len(devices)}). Received: {model_devices}."
        )
    shape = (len(jax.devices()) // model_devices, model_devices)
    layouts = keras.distribution.LayoutMap(keras.distribution.DeviceMesh(shape, (_BATCH, _MODEL), devices))
    return _KernelsDivided(layout_map=layouts, batch_dim_name=_BATCH, auto_shard_dataset=False)


class _KernelsDivided(keras.distribution.ModelParallel):
    """Divides variables of two and more axes along their last axis, the output channels, where it is divisible."""

    def get_variable_layout(self, variable):
        layout = getattr(variable, "_layout", None)
        shape, parts = variable.shape, self.device_mesh.shape[1]
        if layout is not None or len(shape) < 2 or shape[-1] % parts:
            return super().get_variable_layout(variable)
        return keras.distribution.TensorLayout([None] * (len(shape) - 1) + [_MODEL], self.device_mesh)


def process_count():
    """Returns the number of processes of the training."""
    if keras.backend.backend() != "jax":
        return 1
    import jax

    return jax.process_count() if jax.distributed.is_initialized() else 1


def process_index():
    """Returns the number of this process, from 0."""
    if process_count() == 1:
        return 0
    import jax

    return jax.process_index()


def is_first():
    """Returns whether this process is the one that writes files."""
    return process_index() == 0


def batch_part():
    """Returns the part of every batch that this process loads, for `data.load`; `None` if there is one device."""
    return None if num_batch_devices() == 1 else (process_index(), process_count())


def num_batch_devices():
    """Returns the number of equal parts that a batch is divided into, over all processes."""
    distribution = keras.distribution.distribution() if keras.backend.backend() == "jax" else None
    return 1 if distribution is None else distribution.device_mesh.shape[0]


def largest(*numbers):
    """Returns the largest of each number over all processes, as a tuple. All processes must call it."""
    if process_count() == 1:
        return numbers
    return tuple(int(number) for number in _gathered(np.array(numbers, "int32")).max(axis=0))


def texts_of_all(text):
    """Returns a list of the texts of all processes. All processes must call it."""
    if process_count() == 1:
        return [text]
    content = np.frombuffer(text.encode(), "uint8")
    (length,) = largest(len(content))
    padded = np.zeros(length, "uint8")
    padded[: len(content)] = content
    return [row.tobytes().rstrip(b"\0").decode() for row in _gathered(padded)]


def first_alone(function):
    """Calls a function in the first process, and afterwards in the others, and returns its result.

    The others find on the disk what the first has prepared.
    """
    if is_first():
        result = function()
        largest(0)
        return result
    largest(0)
    return function()


@contextlib.contextmanager
def alone():
    """Makes Keras forget the other processes during the block, which one process may then run alone.

    Otherwise, JAX compares every new variable with those of the other processes, which all processes must do at once.
    """
    if process_count() == 1:
        yield
        return
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def leave(code):
    """Returns the exit code of a program that failed; of several processes, the program ends at once.

    Python would wait at its exit for the other processes, which wait for this one.
    """
    if process_count() > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _gathered(array):
    """Returns the arrays of all processes, stacked."""
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(array))
