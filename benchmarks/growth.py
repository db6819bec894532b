"""Memory, threads and open files of a process that goes on for long.

    python -m benchmarks.growth [runs] [keras] [epochs] [predictions]

`runs`: twenty training runs, one after another. `keras`: `fit` of twenty small networks of Keras's own layers,
each followed by `clear_session`. `epochs`: a thousand epochs of one tiny run. `predictions`: ten
thousand image files through `predict_files`, ten at a time. Printed is the state of the process after each part, when
garbage has been collected and the C library has given free memory back. A leak shows as growth that does not end.
"""

import argparse
import ctypes
import gc
import pathlib
import tempfile

import keras
import numpy as np

from benchmarks.served_calls import state_of_process
from hierseg_keras.models import UNet
from hierseg_keras.prediction import predict_files
from hierseg_keras.training import RunConfig, train
from hierseg_keras.tree import ClassTree

CONFIG = {
    "data": {"train_split": "train[:8]", "size": (24, 32), "batch_size": 4},
    "evaluation": {"split": "validation[:4]"},
    "network": {"name": "UNet", "filters": 2, "num_stages": 1},
}
NUM_RUNS, NUM_EPOCHS, NUM_PREDICTIONS, IMAGES = 20, 1_000, 10_000, 10
# How often a part shows the state.
TIMES = 10


def main():
    parts = {"runs": runs, "keras": keras_runs, "epochs": epochs, "predictions": predictions}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(parts)} (default: all)")
    options = parser.parse_args()
    for name in options.parts or parts:
        print(f"\n{name:>12s}{'memory':>12s}{'threads':>9s}{'files':>7s}")
        with tempfile.TemporaryDirectory() as folder:
            parts[name](pathlib.Path(folder))


def runs(folder):
    for number in range(1, NUM_RUNS + 1):
        train(RunConfig(**CONFIG, schedule={"epochs": 1}, seed=number), folder / str(number), verbose=0)
        if number == 1 or number % 5 == 0:
            show(number)


def keras_runs(folder):
    """Trains networks of five convolutions on as many images, with Keras alone."""
    del folder
    images, labels = np.zeros((8, 24, 32, 3), "float32"), np.zeros((8, 24, 32), "int32")
    for number in range(1, NUM_RUNS + 1):
        blocks = [(keras.layers.Conv2D(2, 3, padding="same"), keras.layers.BatchNormalization()) for _ in range(4)]
        model = keras.Sequential([keras.Input((24, 32, 3)), *(layer for block in blocks for layer in block)])
        model.add(keras.layers.Conv2D(17, 1))
        model.compile("adamw", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(images, labels, 4, validation_data=(images[:4], labels[:4]), verbose=0)
        del model
        keras.utils.clear_session()
        if number == 1 or number % 5 == 0:
            show(number)


class ShowEpochs(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % (NUM_EPOCHS // TIMES) == 0:
            show(epoch + 1)


def epochs(folder):
    callbacks = [{"name": f"{__name__}:ShowEpochs"}]
    train(RunConfig(**CONFIG, schedule={"epochs": NUM_EPOCHS}, callbacks=callbacks), folder / "run", verbose=0)


def predictions(folder):
    rng = np.random.default_rng(0)
    paths = [folder / f"{number}.png" for number in range(IMAGES)]
    for path in paths:
        keras.utils.save_img(path, rng.integers(0, 256, (48, 64, 3), np.uint8), scale=False)
    model = UNet(ClassTree.load("street_blocks"), filters=2, num_stages=1)
    for number in range(1, NUM_PREDICTIONS // IMAGES + 1):
        predict_files(model, paths, folder / "out", levels=[1], overwrite=True)
        if number * IMAGES % (NUM_PREDICTIONS // TIMES) == 0:
            show(number * IMAGES)


def show(done):
    for _ in range(3):
        gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    memory, threads, files = state_of_process()
    print(f"{done:12,d}{memory:9.1f} MB{threads:9d}{files:7d}", flush=True)


if __name__ == "__main__":
    main()
