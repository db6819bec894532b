"""Kills runs at random moments, resumes them, and compares them with runs that were never interrupted.

    python -m benchmarks.resume_kills --kills 40

The runs are tiny, and save a checkpoint every three batches. A kill is SIGKILL, SIGTERM or SIGINT at a random time
between the start of the process and its end, or SIGKILL right before a random change of a file of the run. A run is
killed up to four times in a row. In the end, weights, log, configuration and the last checkpoint, which contains the
states of optimizer, metrics and callbacks, must have the same bytes as without a kill. Weights are compared array by
array, because their file also contains names, which Keras numbers through all networks of a process.

Each process is forked from one that has imported TensorFlow but not used it, because the import takes longest. The exit
code is 1 if a run differs or fails.
"""

import argparse
import collections
import itertools
import multiprocessing
import os
import pathlib
import random
import signal
import sys
import tempfile
import time
import traceback

import h5py
import numpy as np

from hierseg_keras import data
from hierseg_keras.training import RunConfig, train, train_hs3
from hierseg_keras.training.checkpoints.checkpoint_files import last_checkpoint
from hierseg_keras.training.checkpoints.earlier_run import CHECKPOINTS
from hierseg_keras.training.config.files import CONFIG
from hierseg_keras.training.hs3_run import CLUSTERS, DEEP_SUPERVISION, HS3_RUN
from hierseg_keras.training.manifest import WEIGHTS
from hierseg_keras.training.saved_run import LOG

TINY = {
    "data": {"train_split": "train[:16]", "size": (24, 32), "batch_size": 4},
    "evaluation": {"split": "validation[:5]"},
    "network": {"name": "UNet", "filters": 2, "num_stages": 1},
    "schedule": {"epochs": 3},
    "save_every": 3,
    "replicas": 1,
}
STAGES = ("encoder_0_b_relu", "encoder_1_b_relu")
VARIANTS = {
    "plain": {},
    "averaged, early stopping": {"schedule": {"ema_momentum": 0.5, "early_stopping_patience": 1}},
    "accumulated gradients": {"schedule": {"accumulation_steps": 3}},
    "HSSN": {"method": {"name": "HSSN", "triplet": {"num_triplets": 5}}},
    "mixed_float16": {"precision": "mixed_float16"},
    "HS3": {
        "network": {"name": "UNet", "num_stages": 2},
        "loss": {"name": "HierarchicalCrossentropy"},
        "schedule": {"epochs": 2},
        "method": {"name": "HS3", "stages": STAGES, "ratio": 0.5, "fuse": True, "analysis_share": 0.25},
    },
}
WAYS = ("SIGKILL", "SIGTERM", "SIGINT", "file change")
MOST_KILLS_IN_A_ROW = 4
# What Python reports before it opens, renames or removes a file.
CHANGES = ("open", "os.mkdir", "os.remove", "os.rename", "os.rmdir")
# Seconds that a process may take to end after SIGTERM or SIGINT.
PATIENCE = 120
STOPPED = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=40, help="kills in all (default: 40)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-dir", help="folder with prepared data sets (default: they are prepared first)")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    options = parser.parse_args()
    draws = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as base:
        data_dir = options.data_dir or f"{base}/data"
        ended(forked(lambda: data.prepare("street_blocks", data_dir=data_dir)))
        variants = [Variant(name, pathlib.Path(base), data_dir) for name in options.variants]
        for variant in itertools.cycle(variants):
            if sum(each.kills.total() for each in variants) >= options.kills:
                break
            variant.kill_and_compare(draws)
            print(variant.row(), flush=True)
    print(f"\n{'':26s}{'runs':>6s}" + "".join(f"{way:>13s}" for way in WAYS) + f"{'not needed':>13s}{'differ':>8s}")
    for variant in variants:
        print(variant.row())
    sys.exit(any(variant.num_different for variant in variants))


class Variant:
    """Kills runs of one configuration, and counts.

    Args:
        name: String, of `VARIANTS`.
        base: `pathlib.Path` of the folder for runs.
        data_dir: Folder of the prepared data set.
    """

    def __init__(self, name, base, data_dir):
        self._name, self._folder = name, base / name.replace(", ", "_").replace(" ", "_")
        self._config = RunConfig(**TINY).replace(data={"data_dir": data_dir}).replace(**VARIANTS[name])
        self.kills, self.num_runs, self.num_different = collections.Counter(), 0, 0
        changes = multiprocessing.RawValue("i")
        start = time.monotonic()
        if ended(self._forked(self._whole, changes)) != 0:
            sys.exit(f"{name}: the uninterrupted run failed")
        self._seconds, self._num_changes = time.monotonic() - start, changes.value

    @property
    def _whole(self):
        return self._folder / "whole"

    def kill_and_compare(self, draws):
        """Makes a run that is killed up to four times, and compares it with the uninterrupted one."""
        folder = self._folder / f"killed_{self.num_runs}"
        self.num_runs += 1
        killed = [self._kill(folder, draws) for _ in range(draws.randint(1, MOST_KILLS_IN_A_ROW))]
        code = ended(self._forked(folder))
        problems = [f"the last resume ended with code {code}"] if code else self._differences(folder)
        if problems:
            self.num_different += 1
            print(f"{self._name}, after {killed}: {'; '.join(problems)}", flush=True)

    def row(self):
        counts = [self.kills[way] for way in (*WAYS, "not needed")]
        cells = "".join(f"{count:13d}" for count in counts)
        return f"{self._name:26s}{self.num_runs:6d}{cells}{self.num_different:8d}"

    def _kill(self, folder, draws):
        """Starts or resumes the run in a process, and kills it. Returns what was done."""
        way, moment = draws.choice(WAYS), draws.random()
        if way == "file change":
            moment = int(moment * self._num_changes)
            code = ended(self._forked(folder, kill_before=moment))
        else:
            moment = round(moment * self._seconds, 2)
            process = self._forked(folder)
            code = ended(process, seconds=moment)
            if code is None:
                os.kill(process, signal.Signals[way])
                code = ended(process, seconds=PATIENCE)
            if code is None:
                os.kill(process, signal.SIGKILL)
                ended(process)
                way = f"{way} without effect"
        # A run may end before that.
        self.kills["not needed" if code == 0 else way] += 1
        return way, moment, code

    def _forked(self, folder, changes=None, kill_before=None):
        """Starts or resumes the run in another process. Returns its id."""

        def run():
            watch_changes(folder, changes, kill_before)
            if self._config.finds_clusters:
                train_hs3(self._config, folder, verbose=0)
            else:
                train(self._config, folder, verbose=0, resume=True)

        return forked(run)

    def _differences(self, folder):
        names = (DEEP_SUPERVISION, HS3_RUN) if self._config.finds_clusters else (".",)
        files = [f"{name}/{file}" for name in names for file in (LOG, CONFIG)]
        if self._config.finds_clusters:
            files += [f"{CLUSTERS}/{path.name}" for path in (self._whole / CLUSTERS).glob("*.txt")]
        found = [name for name in files if (folder / name).read_bytes() != (self._whole / name).read_bytes()]
        weights = [f"{name}/{WEIGHTS}" for name in names]
        found += [name for name in weights if arrays_of(folder / name) != arrays_of(self._whole / name)]
        states = [f"{name}/{CHECKPOINTS}" for name in names]
        return found + [name for name in states if not is_same_state(folder / name, self._whole / name)]


def arrays_of(path):
    """Returns a dict from the place of each array in a weights file to its bytes."""
    arrays = {}

    def add(place, content):
        if isinstance(content, h5py.Dataset):
            arrays[place] = content[()].tobytes()

    with h5py.File(path) as file:
        file.visititems(add)
    return arrays


def is_same_state(folder, other):
    """Returns whether the last checkpoints of two folders have the same content."""
    one, two = last_checkpoint(folder), last_checkpoint(other)
    is_same = one.position == two.position and repr(one.values) == repr(two.values)
    same_bytes = (
        array.dtype == two.arrays[name].dtype and array.tobytes() == two.arrays[name].tobytes()
        for name, array in one.arrays.items()
    )
    return is_same and one.arrays.keys() == two.arrays.keys() and all(same_bytes)


def watch_changes(folder, count=None, kill_before=None):
    """Counts the changes of files in a folder, and kills this process before one of them."""
    seen, prefix = 0, str(folder)

    def watch(event, arguments):
        nonlocal seen
        if event in CHANGES and str(arguments[0]).startswith(prefix):
            seen += 1
            if count is not None:
                count.value = seen
            if kill_before is not None and seen > kill_before:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def forked(function):
    """Calls a function in a forked process. Returns its id."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        function()
        code = 0
    except KeyboardInterrupt:
        code = STOPPED
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def ended(process, seconds=np.inf):
    """Waits for the end of a process. Returns its exit code, negative for a signal, or `None` if it takes longer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return None


if __name__ == "__main__":
    main()
