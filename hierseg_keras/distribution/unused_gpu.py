"""The warning that TensorFlow does not use the machine's GPU."""

import functools
import os
import pathlib
import warnings

import tensorflow as tf

# The first NVIDIA GPU of a Linux machine.
DEVICE_FILE = pathlib.Path("/dev/nvidia0")


@functools.cache
def warn_of_unused_gpu():
    """Warns once if the machine has an NVIDIA GPU that TensorFlow cannot use, so that everything runs on the CPU."""
    is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    if DEVICE_FILE.exists() and not is_hidden and not tf.config.list_physical_devices("GPU"):
        warnings.warn(
            "TensorFlow cannot use the GPU of this machine, and uses the CPU. Install its CUDA libraries with "
            "`pip install 'tensorflow[and-cuda]'`. With TF_CPP_MIN_LOG_LEVEL=0 in the environment, TensorFlow prints "
            "the reason.",
            stacklevel=4,
        )
