"""What coarse labels are worth: a quarter of the images labeled with leaves, the rest at the middle level.

    python -m benchmarks.mixed_granularity [--seeds 3] [--loss hierarchical_crossentropy]

On `street_blocks`, one small UNet for equal steps of 8 images:

- quarter: a quarter of the images, labeled with leaves, and no others;
- mixed: in every batch two of that quarter, and six of the others, whose labels tell the middle level alone;
- all: all images, labeled with leaves.

Rows of validation mIoU by level are appended to the CSV, and those there are not run again. The last line
tells how much of the gap between a quarter and all the coarse labels close.
"""

import argparse
import pathlib
import statistics
import time

import keras

from benchmarks import rows
from hierseg_keras import data
from hierseg_keras.losses.objectives import objectives
from hierseg_keras.metrics import LevelMeanIoU
from hierseg_keras.models import UNet
from hierseg_keras.tree import ClassTree

TREE = ClassTree.load("street_blocks")
IGNORED = 255
LABELS = ("quarter", "mixed", "all")
FIGURES = ("miou_1", "miou_2", "miou_3")
COLUMNS = ("labels", "loss", "seed", "steps", *FIGURES, "minutes")
FINE, COARSE = 2, 6
MIDDLE = 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).with_suffix(".csv"))
    parser.add_argument("--loss", choices=objectives(), default="hierarchical_crossentropy")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--data-dir", help="folder of prepared data sets")
    options = parser.parse_args()
    setting = {"loss": options.loss, "steps": str(options.steps)}
    for seed in range(options.seeds):
        for labels in LABELS:
            key = {**setting, "labels": labels, "seed": str(seed)}
            if not rows.read(options.out, key):
                rows.append(options.out, COLUMNS, {**key, **run(labels, seed, options)})
    found = rows.read(options.out, setting)
    print(rows.table(found, "labels", LABELS, FIGURES))
    quarter, mixed, whole = (
        statistics.mean(float(row["miou_1"]) for row in found if row["labels"] == labels) for labels in LABELS
    )
    print(f"of the gap between a quarter and all, coarse labels close {(mixed - quarter) / (whole - quarter):.0%}")


def run(labels, seed, options):
    start = time.time()
    keras.utils.set_random_seed(seed)
    loss = objectives()[options.loss](TREE, ignore_class=IGNORED)
    model = UNet(TREE, scores=loss.scores, filters=8)
    schedule = keras.optimizers.schedules.PolynomialDecay(2e-3, options.steps, end_learning_rate=0.0, power=0.9)
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-4), loss=loss)
    model.fit(examples(labels, seed, options.data_dir).repeat(), steps_per_epoch=options.steps, verbose=0)
    metric = LevelMeanIoU(TREE, loss.scores)
    for image, label in data.load("street_blocks", "validation", data_dir=options.data_dir):
        metric.update_state(label, model.predict_on_batch(image))
    values = {name: f"{float(value):.4f}" for name, value in metric.result().items() if name in FIGURES}
    return {**values, "minutes": f"{(time.time() - start) / 60:.1f}"}


def examples(labels, seed, data_dir):
    options = {
        "training": True,
        "crop_size": (96, 128),
        "batch_size": FINE + COARSE,
        "seed": seed,
        "data_dir": data_dir,
    }
    if labels != "mixed":
        return data.load("street_blocks", "train" if labels == "all" else "train[:25%]", **options)
    shares = {"batch_shares": [FINE, COARSE], "label_levels": [1, MIDDLE]}
    return data.load(["street_blocks", "street_blocks"], ["train[:25%]", "train[25%:]"], **shares, **options)


if __name__ == "__main__":
    main()
