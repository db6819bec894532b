"""The seconds that `fit` takes before it trains: ResNet-50 DeepLabV3+, output stride 16, 256 x 512, batch 2.

    python -m benchmarks.start_up

The time from the call of `fit` to the end of the first step, less a warm step, of three trainings, each in a process
of its own: `DeepLabV3Plus` with Keras's crossentropy, `HSSN` of it, and as the floor a plain `keras.Model` of the same
layers with Keras's crossentropy. CPU seconds are those of the process, which other programs disturb less.
"""

import argparse
import subprocess
import sys
import time

import keras
import numpy as np

from benchmarks.losses import IGNORE_CLASS
from hierseg_keras import ClassTree
from hierseg_keras.models import HSSN, DeepLabV3Plus

STEPS = 3


def plain(network):
    return keras.Model(network.input, network.output)


TRAININGS = {
    "plain Keras": ("leaves", plain),
    "DeepLabV3Plus": ("leaves", lambda network: network),
    "HSSN": ("nodes", HSSN),
}


class StepEnds(keras.callbacks.Callback):
    """Records wall and CPU seconds at the end of every step."""

    def __init__(self):
        super().__init__()
        self.times = []

    def on_train_batch_end(self, batch, logs=None):
        self.times.append(seconds())


def seconds():
    return np.array([time.perf_counter(), time.process_time()])


def start_up(name, backbone, size):
    """Returns the wall and CPU seconds of a training's start, and of a warm step."""
    tree, rng = ClassTree.load("cityscapes"), np.random.default_rng(0)
    images = rng.uniform(0, 255, (2 * STEPS, *size, 3)).astype("float32")
    labels = rng.integers(0, tree.num_leaves, (2 * STEPS, *size)).astype("int32")
    scores, make = TRAININGS[name]
    model = make(DeepLabV3Plus(tree, backbone=backbone, scores=scores, output_stride=16))
    flat = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORE_CLASS)
    options = {} if name == "HSSN" else {"loss": flat}
    model.compile(keras.optimizers.SGD(1e-3, momentum=0.9), jit_compile=False, **options)
    ends, start = StepEnds(), seconds()
    model.fit(images, labels, batch_size=2, verbose=0, callbacks=[ends])
    warm = np.min(np.diff(ends.times, axis=0), axis=0)
    return ends.times[0] - start - warm, warm


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="resnet50_v2")
    parser.add_argument("--size", type=int, nargs=2, default=(256, 512))
    parser.add_argument("--repeats", type=int, default=1, help="Rows of each training.")
    parser.add_argument("--training", choices=list(TRAININGS), help="Only this one, in this process.")
    options = parser.parse_args()
    if options.training:
        (wall, cpu), (warm_wall, warm_cpu) = start_up(options.training, options.backbone, options.size)
        print(f"{wall:.2f} {cpu:.2f} {warm_wall:.2f} {warm_cpu:.2f}")
        return
    print(f"{'seconds':16s}    wall     CPU   step, wall    CPU", flush=True)
    shared = [sys.executable, "-m", "benchmarks.start_up", "--backbone", options.backbone]
    shared += ["--size", *map(str, options.size)]
    for name in options.repeats * list(TRAININGS):
        answer = subprocess.run([*shared, "--training", name], check=True, stdout=subprocess.PIPE, text=True)
        wall, cpu, warm_wall, warm_cpu = map(float, answer.stdout.splitlines()[-1].split())
        print(f"{name:16s}{wall:8.2f}{cpu:8.2f}{warm_wall:13.2f}{warm_cpu:7.2f}", flush=True)


if __name__ == "__main__":
    main()
