"""Kills processes of two-process trainings at random moments, resumes them, and compares; times 1, 2 and 4 processes.

    KERAS_BACKEND=jax python -m benchmarks.several_processes --kills 20

The runs are tiny, on this machine, and save a checkpoint every three batches. A kill is SIGKILL or SIGTERM to one of
the two processes, at a random time between the moment at which they are connected and the end of the training. A run is
killed up to twice in a row. The other process must end by itself, within 30 seconds. In the end, weights, log,
configuration and the last checkpoint must have the same bytes as those of two processes that were never killed.

Processes are forked from one that has imported TensorFlow and JAX but not used them. The exit code is 1 if a run
differs, fails or is not noticed in time.
"""

import argparse
import collections
import importlib
import itertools
import multiprocessing
import os
import pathlib
import random
import signal
import socket
import sys
import tempfile
import time

import jax
import keras
import numpy as np

from benchmarks.resume_kills import TINY, arrays_of, ended, forked, is_same_state
from hierseg_keras import data
from hierseg_keras.distribution import start_processes
from hierseg_keras.training import RunConfig, train
from hierseg_keras.training.checkpoints.earlier_run import CHECKPOINTS
from hierseg_keras.training.config.files import CONFIG
from hierseg_keras.training.manifest import WEIGHTS
from hierseg_keras.training.saved_run import LOG

VARIANTS = {
    "plain": {},
    "averaged": {"schedule": {"ema_momentum": 0.5}},
    "HSSN, accumulated": {
        "method": {"name": "HSSN", "triplet": {"num_triplets": 5}},
        "schedule": {"accumulation_steps": 3},
    },
}
WAYS = ("SIGKILL", "SIGTERM")
MOST_KILLS_IN_A_ROW = 2
# Seconds within which the other process must end, and after which this program ends it.
NOTICED, PATIENCE = 30, 120
TIMED = {"data": {"size": (96, 128), "batch_size": 8}, "network": {"name": "UNet", "filters": 8, "num_stages": 2}}
RATE = "steps_per_second.txt"


class TimeSteps(keras.callbacks.Callback):
    """Writes the number of steps per second, after the first epoch, which compiles."""

    def __init__(self, path):
        super().__init__()
        self._path, self._seconds, self._steps = path, 0.0, 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._start = epoch, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])
        if self._epoch > 0:
            self._steps += 1
            self._end = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        if epoch > 0:
            self._seconds += self._end - self._start

    def on_train_end(self, logs=None):
        pathlib.Path(self._path).write_text(str(self._steps / self._seconds))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="kills in all (default: 20)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-dir", help="folder with prepared data sets (default: they are prepared first)")
    options = parser.parse_args()
    if keras.backend.backend() != "jax":
        parser.error("expected the JAX backend. Set KERAS_BACKEND=jax.")
    draws = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as base:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = f"{base}/compiled"
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        data_dir = options.data_dir or f"{base}/data"
        ended(forked(lambda: data.prepare("street_blocks", data_dir=data_dir)))
        variants = [Variant(name, pathlib.Path(base), data_dir) for name in VARIANTS]
        for variant in itertools.cycle(variants):
            if sum(sum(each.kills[way] for way in WAYS) for each in variants) >= options.kills:
                break
            variant.kill_and_compare(draws)
            print(variant.row(), flush=True)
        columns = (*WAYS, "not needed", "noticed in", "differ")
        print(f"\n{'':20s}{'runs':>6s}" + "".join(f"{column:>12s}" for column in columns))
        for variant in variants:
            print(variant.row())
        print(f"\n{'processes':>10s}{'steps/s':>10s}")
        for count in (1, 2, 4):
            print(f"{count:10d}{steps_per_second(count, pathlib.Path(base), data_dir):10.2f}", flush=True)
    sys.exit(any(variant.num_problems for variant in variants))


class Variant:
    """Kills runs of one configuration, and counts.

    Args:
        name: String, of `VARIANTS`.
        base: `pathlib.Path` of the folder for runs.
        data_dir: Folder of the prepared data set.
    """

    def __init__(self, name, base, data_dir):
        self._name, self._folder = name, base / name.replace(", ", "_")
        self._config = RunConfig(**TINY).replace(data={"data_dir": data_dir}).replace(**VARIANTS[name])
        self.kills, self.num_runs, self.num_problems, self._slowest = collections.Counter(), 0, 0, 0.0
        for count in (1, 2):
            start = time.monotonic()
            processes, _ = self._started(self._folder / f"whole_{count}", count)
            if [ended(process) for process in processes] != [0] * count:
                sys.exit(f"{name}: the uninterrupted run of {count} processes failed")
            self._seconds = time.monotonic() - start
        one, two = (arrays_of(self._folder / f"whole_{count}" / WEIGHTS) for count in (1, 2))
        pairs = [
            (np.frombuffer(one[key], "float32"), np.frombuffer(two[key], "float32")) for key in one if len(one[key]) > 4
        ]
        worst = max(float(np.abs(a - b).max() / max(1, np.abs(a).max())) for a, b in pairs if a.size)
        print(f"{name}: two processes differ from one by {worst:.1e}, relative to the largest value", flush=True)

    def kill_and_compare(self, draws):
        """Makes a run that is killed up to twice, and compares it with the uninterrupted one."""
        folder = self._folder / f"killed_{self.num_runs}"
        self.num_runs += 1
        killed = [self._kill(folder, draws) for _ in range(draws.randint(1, MOST_KILLS_IN_A_ROW))]
        processes, _ = self._started(folder, 2)
        codes = [ended(process) for process in processes]
        problems = [f"the last resume ended with codes {codes}"] if codes != [0, 0] else self._differences(folder)
        problems += [f"{done} took longer than {NOTICED} seconds" for done in killed if done[-1] > NOTICED]
        if problems:
            self.num_problems += 1
            print(f"{self._name}, after {killed}: {'; '.join(problems)}", flush=True)

    def row(self):
        counts = [self.kills[way] for way in (*WAYS, "not needed")]
        cells = "".join(f"{count:12d}" for count in counts)
        return f"{self._name:20s}{self.num_runs:6d}{cells}{self._slowest:10.1f} s{self.num_problems:12d}"

    def _kill(self, folder, draws):
        """Starts or resumes the run in two processes, and kills one. Returns what was done and how long it took."""
        way, victim, moment = draws.choice(WAYS), draws.randrange(2), round(draws.random() * self._seconds, 2)
        processes, connected = self._started(folder, 2)
        while not all(connected):
            time.sleep(0.01)
        start = time.monotonic()
        code = ended(processes[victim], seconds=moment)
        if code is not None:
            # The first runs took longer, because they compiled.
            self._seconds = min(self._seconds, time.monotonic() - start)
            self.kills["not needed"] += 1
            ended(processes[1 - victim], seconds=PATIENCE)
            return way, victim, moment, code, 0.0
        os.kill(processes[victim], signal.Signals[way])
        start = time.monotonic()
        other = ended(processes[1 - victim], seconds=PATIENCE)
        seconds = time.monotonic() - start
        if other is None:
            os.kill(processes[1 - victim], signal.SIGKILL)
            ended(processes[1 - victim])
        ended(processes[victim])
        self.kills[way] += 1
        self._slowest = max(self._slowest, seconds)
        return way, victim, moment, other, seconds

    def _started(self, folder, count):
        return started(count, lambda: train(self._config, folder, verbose=0, resume=True))

    def _differences(self, folder):
        whole = self._folder / "whole_2"
        found = [name for name in (LOG, CONFIG) if (folder / name).read_bytes() != (whole / name).read_bytes()]
        if arrays_of(folder / WEIGHTS) != arrays_of(whole / WEIGHTS):
            found.append(WEIGHTS)
        return found if is_same_state(folder / CHECKPOINTS, whole / CHECKPOINTS) else [*found, CHECKPOINTS]


def started(count, function):
    """Calls a function in connected processes. Returns their ids, and an array that says which are connected."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    connected = multiprocessing.RawArray("b", count)

    def run(number):
        start_processes(address, count, number)
        connected[number] = 1
        try:
            function()
        except KeyboardInterrupt:
            jax.distributed.shutdown()
            raise
        # As at the end of Python, which forked processes do not reach.
        jax.distributed.shutdown()

    return [forked(lambda number=number: run(number)) for number in range(count)], connected


def steps_per_second(count, base, data_dir):
    # This program is another module than the one that a configuration may name.
    module = importlib.import_module("benchmarks.several_processes")
    config = RunConfig(**TINY).replace(data={"data_dir": data_dir}).replace(**TIMED)
    folder = base / f"timed_{count}"
    callback = {"name": f"{module.__name__}:TimeSteps", "path": str(folder / RATE)}
    config = config.replace(data={"train_split": "train[:80]"}, callbacks=[callback], save_every=None)
    processes, _ = started(count, lambda: train(config, folder, verbose=0))
    if [ended(process) for process in processes] != [0] * count:
        sys.exit(f"the timed run of {count} processes failed")
    return float((folder / RATE).read_text())


if __name__ == "__main__":
    main()
