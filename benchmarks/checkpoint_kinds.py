"""Ways to save checkpoints, under the same kills.

    python -m benchmarks.checkpoint_kinds --kills 20

A network trains for three epochs, and saves a checkpoint after every batch, so that many kills fall into a save. The
process is killed by SIGKILL at a random time after its first batch, and started again in the way that each kind
documents. Counted are the runs that could not go on; the batches whose training was lost; and the runs whose weights,
in the end, are those of a run of the same kind that was never killed.

Orbax is compared if `orbax-checkpoint` is installed. `BackupAndRestore` keeps the number of the epoch and not that of
the batch, and none of the three others keeps the states of metrics, random numbers and callbacks.
"""

import argparse
import importlib.util
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

import keras
import tensorflow as tf

from benchmarks.resume_kills import arrays_of, ended, forked
from hierseg_keras import data
from hierseg_keras.losses import HierarchicalCrossentropy
from hierseg_keras.models import UNet
from hierseg_keras.training import RunConfig, train
from hierseg_keras.tree import ClassTree

DATA_SET, TREE = "street_blocks", "street_blocks"
SPLIT, SIZE, BATCH_SIZE, EPOCHS, BATCHES = "train[:16]", (24, 32), 4, 3, 4
# Large enough that a save takes longer than a step.
NETWORK = {"filters": 48, "num_stages": 3}
OPTIMIZER = "adamw"
WEIGHTS = "end.weights.h5"


def ours(folder, data_dir, watch):
    config = RunConfig(
        data={"train_split": SPLIT, "size": SIZE, "batch_size": BATCH_SIZE, "data_dir": data_dir},
        evaluation={"split": "validation[:4]"},
        loss={"name": "HierarchicalCrossentropy"},
        network={"name": "UNet", **NETWORK},
        schedule={"epochs": EPOCHS},
        callbacks=[{"name": f"{__name__}:Watch"}],
        save_every=1,
        replicas=1,
    )
    Watch.shared = watch
    train(config, folder / "run", verbose=0, resume=True).save_weights(folder / WEIGHTS)


def backup_and_restore(folder, data_dir, watch):
    model, batches = network_and_data(data_dir)
    kind = keras.callbacks.BackupAndRestore(
        folder / "backup", save_freq=1, double_checkpoint=True, delete_checkpoint=False
    )
    fit(folder, model, batches, 0, [kind], watch)


def orbax(folder, data_dir, watch):
    model, batches = network_and_data(data_dir)
    saved = folder / "orbax"
    kind = keras.callbacks.OrbaxCheckpoint(saved, save_freq=1, max_to_keep=2)
    if saved.exists() and any(path.name.isdigit() for path in saved.iterdir()):
        model.load_weights(saved)
    fit(folder, model, batches, int(model.optimizer.iterations) // BATCHES, [kind], watch)


def tensorflow_checkpoint(folder, data_dir, watch):
    model, batches = network_and_data(data_dir)
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(model=model), folder / "checkpoints", max_to_keep=2)
    manager.restore_or_initialize()
    kind = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: manager.save())
    fit(folder, model, batches, int(model.optimizer.iterations) // BATCHES, [kind], watch)


KINDS = {
    "hierseg_keras": ours,
    "BackupAndRestore": backup_and_restore,
    "OrbaxCheckpoint": orbax,
    "CheckpointManager": tensorflow_checkpoint,
}


def network_and_data(data_dir):
    keras.utils.set_random_seed(0)
    tree = ClassTree.load(TREE)
    model = UNet(tree, scores="leaves", **NETWORK)
    model.compile(OPTIMIZER, loss=HierarchicalCrossentropy(tree))
    model.optimizer.build(model.trainable_variables)
    batches = data.load(DATA_SET, SPLIT, training=True, size=SIZE, batch_size=BATCH_SIZE, data_dir=data_dir, seed=0)
    return model, batches


def fit(folder, model, batches, epoch, callbacks, watch):
    Watch.shared = watch
    callbacks = [data.SetEpoch(batches), *callbacks, Watch()]
    model.fit(batches, epochs=EPOCHS, initial_epoch=epoch, callbacks=callbacks, verbose=0, shuffle=False)
    model.save_weights(folder / WEIGHTS)


class Watch(keras.callbacks.Callback):
    """Tells another process where the training is: the first step of this process, and the steps that are done."""

    shared = None

    def on_train_batch_begin(self, batch, logs=None):
        if self.shared[0] < 0:
            self.shared[0] = int(self.model.optimizer.iterations)

    def on_train_batch_end(self, batch, logs=None):
        self.shared[1] = int(self.model.optimizer.iterations)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="kills of each kind (default: 20)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=available())
    options = parser.parse_args()
    print(f"{'':20s}{'kills':>7s}{'cannot go on':>14s}{'batches lost':>14s}{'equal':>7s}", flush=True)
    with tempfile.TemporaryDirectory() as base:
        base = pathlib.Path(base)
        ended(forked(lambda: data.prepare(DATA_SET, data_dir=base / "data")))
        for kind in options.kinds:
            print(row(kind, base, options.kills, random.Random(options.seed)), flush=True)


def available():
    return [kind for kind in KINDS if kind != "OrbaxCheckpoint" or importlib.util.find_spec("orbax")]


def row(kind, base, kills, draws):
    whole = base / kind
    process, watch = started(kind, whole, base)
    begin = after_first_batch(process, watch)
    if ended(process) != 0:
        sys.exit(f"{kind}: the run without kills failed")
    seconds = time.monotonic() - begin
    failed = lost = equal = done = 0
    while done < kills:
        folder = base / f"{kind}_killed"
        process, watch = started(kind, folder, base)
        after_first_batch(process, watch)
        time.sleep(draws.random() * seconds)
        os.kill(process, signal.SIGKILL)
        if ended(process) == 0:
            shutil.rmtree(folder)
            continue
        done += 1
        reached = watch[1]
        process, watch = started(kind, folder, base)
        if ended(process) != 0:
            failed += 1
        else:
            # Without a further batch, the killed run had finished all of them.
            lost += max(0, reached - watch[0]) if watch[0] >= 0 else 0
            equal += layers_of(folder / WEIGHTS) == layers_of(whole / WEIGHTS)
        shutil.rmtree(folder, ignore_errors=True)
    return f"{kind:20s}{done:7d}{failed:14d}{lost / done:14.1f}{equal:7d}"


def layers_of(path):
    """The weights of a file, without the optimizer's, which a finished run that is loaded does not have."""
    return {place: array for place, array in arrays_of(path).items() if place.startswith("layers/")}


def started(kind, folder, base):
    """Starts or resumes a run in another process. Returns its id, and the steps that it shares."""
    folder.mkdir(exist_ok=True)
    watch = multiprocessing.RawArray("i", [-1, -1])
    return forked(lambda: KINDS[kind](folder, str(base / "data"), watch)), watch


def after_first_batch(process, watch):
    """Waits for the end of the first batch, which traces the step and takes longer than all that follow."""
    while watch[1] < 0:
        if os.waitpid(process, os.WNOHANG)[0]:
            sys.exit("the process ended before its first batch did")
        time.sleep(0.01)
    return time.monotonic()


if __name__ == "__main__":
    main()
