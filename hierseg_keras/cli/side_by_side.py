"""Trains several runs at once, each in a process of its own with its share of the cores."""

import os
import shutil
import subprocess
import sys
import threading

from hierseg_keras.training.checkpoints.earlier_run import CHECKPOINTS
from hierseg_keras.training.manifest import WEIGHTS

# What each process is told of the number of its threads.
_THREADS = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")


def train_side_by_side(configs, folder):
    """Trains runs with `hierseg train`, and prints their lines under their names.

    A network of moderate size does not keep two cores busy. Two networks do.

    Args:
        configs: Dict from the name of a run to its `RunConfig`.
        folder: `pathlib.Path` of the folder in which each run gets a folder of its name.

    Returns:
        Exit code: 0, or that of a process that failed. The others are then ended. If no run has weights yet, what
            they wrote is deleted, so that another call finds an empty folder.
    """
    processes = {name: _start(name, config, folder, len(configs)) for name, config in configs.items()}
    readers = [threading.Thread(target=_follow, args=(name, processes)) for name in processes]
    try:
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    finally:
        _end(processes)
        codes = [process.wait() for process in processes.values()]
        _delete_without_weights([folder / name for name in configs])
    # A process that was ended has a negative code.
    return max(codes) or abs(min(codes))


def _start(name, config, folder, num_processes):
    path = folder / f"{name}.toml"
    config.to_file(path)
    threads = str(max(1, (os.cpu_count() or 1) // num_processes))
    environment = {**os.environ, **{variable: os.environ.get(variable, threads) for variable in _THREADS}}
    command = [sys.executable, "-m", "hierseg_command", "train", "--config", path, "--out", folder / name]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def _follow(name, processes):
    """Prints the lines of a process until it ends. If it failed, ends the others."""
    process = processes[name]
    for line in process.stdout:
        print(f"{name:5s} {line}", end="", flush=True)
    if process.wait():
        _end(processes)


def _delete_without_weights(runs):
    if any((run / name).exists() for run in runs for name in (WEIGHTS, CHECKPOINTS)):
        return
    for run in runs:
        shutil.rmtree(run, ignore_errors=True)
        run.with_suffix(".toml").unlink()


def _end(processes):
    for process in processes.values():
        process.kill()
