"""What checkpoints cost: the time of one, and its share of the interval at which they are saved.

    python -m benchmarks.checkpoint_cost

Two runs of DeepLabV3+ on EfficientNet-Lite0 with AdamW, of the same batches: one saves a checkpoint after every batch,
the other none. The difference of the median times of a batch is the time of a checkpoint.
"""

import pathlib
import statistics
import tempfile
import time

import keras

from hierseg_keras.training import RunConfig, train
from hierseg_keras.training.checkpoints.earlier_run import CHECKPOINTS
from hierseg_keras.training.checkpoints.interval import parse_interval

STEPS = 40
CONFIG = {
    "data": {"train_split": "train[:80]", "crop_size": (96, 128), "batch_size": 2},
    "evaluation": {"split": "validation[:2]"},
    "network": {"name": "DeepLabV3Plus", "backbone": "efficientnet_lite0"},
    "schedule": {"epochs": 1},
    "replicas": 1,
}


class BatchTimes(keras.callbacks.Callback):
    """Keeps the times at which batches begin."""

    begins = []

    def on_train_batch_begin(self, batch, logs=None):
        self.begins.append(time.perf_counter())


def main():
    interval = parse_interval(RunConfig().save_every)
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for save_every in (None, 1):
            BatchTimes.begins = []
            run = pathlib.Path(folder, str(save_every))
            callbacks = [{"name": f"{__name__}:BatchTimes"}]
            train(RunConfig(**CONFIG, callbacks=callbacks, save_every=save_every), run, verbose=0)
            begins = BatchTimes.begins[len(BatchTimes.begins) // 4 :]
            seconds[save_every] = statistics.median(b - a for a, b in zip(begins, begins[1:]))
        last = max((run / CHECKPOINTS).iterdir())
        size = sum(path.stat().st_size for path in last.iterdir())
    cost = seconds[1] - seconds[None]
    print(f"a batch takes {seconds[None]:.2f} s, and {seconds[1]:.2f} s with a checkpoint of {size / 1e6:.0f} MB")
    print(f"one every {RunConfig().save_every}: {1 + cost / interval.seconds:.4f}x the time of a run without")


if __name__ == "__main__":
    main()
