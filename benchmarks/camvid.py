"""Does the tree help on real street scenes? A small UNet on CamVid, with four losses and three seeds.

    CAMVID_DIR=/data/CamVid python benchmarks/camvid.py [--out benchmarks/camvid.csv]

Every row trains one network: the same initial weights, batches and augmentation for all losses
of a seed. A row is appended when its network is evaluated, and rows that are there are not run
again, so that the script can be stopped and resumed. The table is printed at the end.

CamVid's images are taken at 90 x 120 pixels. mIoU is on the 101 images of the validation split,
level 1 the 11 classes, level 2 the 7 categories; the flat network's categories are those of its
classes ("merged parents").
"""

import argparse
import csv
import os
import pathlib
import statistics
import sys
import tempfile
import time

from hierseg_keras.training import RunConfig, evaluate_run, train

LOSSES = ("crossentropy", "hierarchical_crossentropy", "tree_min", "focal_tree_min")
SEEDS = (0, 1, 2)
COLUMNS = ("loss", "seed", "epochs", "filters", "miou_1", "miou_2", "miou_mean", "minutes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).with_suffix(".csv"))
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--filters", type=int, default=8)
    parser.add_argument("--data-dir", help="folder of prepared data sets")
    options = parser.parse_args()
    manual_dir = os.environ.get("CAMVID_DIR")
    if manual_dir is None:
        sys.exit("camvid.py: CAMVID_DIR is not set: the folder of CamVid's train, trainannot, val and valannot.")
    for seed in SEEDS:
        for loss in LOSSES:
            if (loss, str(seed)) not in {(row["loss"], row["seed"]) for row in read(options)}:
                append(options, run(loss, seed, manual_dir, options))
    print(table(read(options)))


def run(loss, seed, manual_dir, options):
    config = RunConfig(
        dataset="camvid_tree",
        loss=loss,
        seed=seed,
        epochs=options.epochs,
        filters=options.filters,
        size=(90, 120),
        learning_rate=2e-3,
        manual_dir=manual_dir,
        data_dir=options.data_dir,
    )
    start = time.time()
    with tempfile.TemporaryDirectory() as folder:
        train(config, folder, verbose=2)
        figures = evaluate_run(folder, verbose=0)
    mious = {name: f"{figures[name]:.4f}" for name in ("miou_1", "miou_2", "miou_mean")}
    minutes = f"{(time.time() - start) / 60:.1f}"
    return {"loss": loss, "seed": seed, "epochs": config.epochs, "filters": config.filters, **mious, "minutes": minutes}


def read(options):
    """The rows of this setting."""
    if not options.out.exists():
        return []
    with options.out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if (row["epochs"], row["filters"]) == (str(options.epochs), str(options.filters))]


def append(options, row):
    is_new = not options.out.exists()
    with options.out.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def table(rows):
    lines = [f"{'loss':28s}{'seeds':>6s}{'level 1':>18s}{'level 2':>18s}"]
    for loss in LOSSES:
        own = [row for row in rows if row["loss"] == loss]
        figures = []
        for level in ("miou_1", "miou_2"):
            values = [float(row[level]) for row in own]
            spread = statistics.stdev(values) if len(values) > 1 else float("nan")
            figures.append(f"{statistics.mean(values):.3f} +- {spread:.3f}" if values else "-")
        lines.append(f"{loss:28s}{len(own):6d}" + "".join(f"{figure:>18s}" for figure in figures))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
