"""Starts the processes of a training on this machine, and is the program that they run.

python -m tests.training.several_processes COORDINATOR PROCESSES PROCESS_ID FOLDER VARIANT ...
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys

from hierseg_command.quiet_import import quiet_import

VARIANTS = {
    # Validation pads images to the largest of a batch unless `size` is a pair.
    "averaged": {
        "schedule": {"ema_momentum": 0.5, "early_stopping_patience": 1},
        "data": {"size": 24, "crop_size": (24, 32)},
    },
    "triplets": {
        "method": {"name": "HSSN", "triplet": {"num_triplets": 5}},
        "schedule": {"accumulation_steps": 3},
    },
}
# Process, batch and name of a signal that the process sends to itself after the batch.
SIGNAL_AT = "HIERSEG_TEST_SIGNAL_AT"
MODEL_DEVICES = "HIERSEG_TEST_MODEL_DEVICES"
# Seconds after which a test fails instead of waiting for processes that wait for each other.
PATIENCE = 240


def environment(cache, **others):
    """Returns the environment of a process whose compiled programs are kept in a folder for other processes."""
    root = pathlib.Path(__file__).parent.parent.parent
    quick = ("--xla_cpu_use_fusion_emitters=false", "--xla_cpu_enable_concurrency_optimized_scheduler=false")
    return {
        **os.environ,
        "PYTHONPATH": str(root),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": " ".join(quick),
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        **others,
    }


def free_address():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


def started(commands, environments):
    """Starts processes, and returns them."""
    return [
        subprocess.Popen([sys.executable, "-m", *command], env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for command, own in zip(commands, environments, strict=True)
    ]


def ended(processes):
    """Waits for processes. Returns a list of triples: exit code, and the lines of stdout and of stderr."""
    try:
        outputs = [process.communicate(timeout=PATIENCE) for process in processes]
    finally:
        for process in processes:
            process.kill()
    texts = [tuple(text.decode().splitlines() for text in pair) for pair in outputs]
    return [(process.returncode, *pair) for process, pair in zip(processes, texts)]


def trained(count, cache, folder, *variants, **others):
    """Trains variants in a number of processes, one after the other, and returns what `ended` returns."""
    address = free_address()
    commands = [
        ["tests.training.several_processes", address, str(count), str(number), str(folder), *variants]
        for number in range(count)
    ]
    return ended(started(commands, [environment(cache, **others)] * count))


def main():
    address, count, number, folder, *variants = sys.argv[1:]
    with quiet_import():
        from hierseg_keras.distribution import start_processes
        from hierseg_keras.training import train
        from tests.training import several_processes_callbacks  # noqa: F401
        from tests.training.tiny_run import tiny_config

    model_devices = int(os.environ.get(MODEL_DEVICES, "1"))
    if count != "1" or model_devices > 1:
        start_processes(address, int(count), int(number), model_devices)
    data_dir = os.environ["HIERSEG_TEST_DATA"]
    callbacks = [{"name": "tests.training.several_processes_callbacks:SignalAt"}]
    for name in variants:
        config = tiny_config(data_dir, schedule={"epochs": 2}, callbacks=callbacks, save_every=2)
        train(config.replace(**VARIANTS[name]), pathlib.Path(folder, name), verbose=0, resume=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt as interruption:
        print(interruption, file=sys.stderr)
        sys.exit(128 + getattr(interruption, "signal", signal.SIGINT))
    except Exception as error:
        from hierseg_keras.distribution.processes import leave

        print(error, file=sys.stderr)
        sys.exit(leave(1))
