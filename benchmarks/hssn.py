"""HSSN's table 6 in small: one network, equal steps, every objective of the project, several seeds.

    CAMVID_DIR=/data/CamVid python -m benchmarks.hssn [--dataset camvid_tree] [--quarter] [--seeds 3]

Every row trains one UNet: the same initial weights, batches and augmentation for all objectives of a
seed. A row is appended to the CSV when its network is evaluated, and rows that are there are not run
again, so that the script can be stopped and resumed. The table is printed at the end.

Images are taken at 90 x 120 pixels (`street_blocks`: as they are). Figures are on the validation
split; level 1 is the finest. The flat networks' coarser levels are those of their classes ("merged
parents"). `--quarter` trains on a quarter of the images for as many steps.
"""

import argparse
import os
import pathlib
import tempfile
import time

from benchmarks import rows
from benchmarks.camvid_runs import SIZE, SMALL_UNET, check_camvid, examples_of
from hierseg_keras.metrics import PathCoherence
from hierseg_keras.training import RunConfig, evaluate_run, load_run, train

# Name of a row -> loss, and the network's method.
OBJECTIVES = {
    "flat": ({"name": "SparseCategoricalCrossentropy"}, None),
    "hierarchical": ({"name": "HierarchicalCrossentropy"}, None),
    "BCE": ({"name": "TreeBinaryCrossentropy"}, None),
    "Focal": ({"name": "TreeBinaryCrossentropy", "gamma": 2.0}, None),
    "TM": ({"name": "TreeMin"}, None),
    "FTM": ({"name": "FocalTreeMin"}, None),
    "FTM + TT": ({"name": "FocalTreeMin"}, {"name": "HSSN"}),
    "released": ({"name": "TreeMinCrossentropy"}, None),
}
FIGURES = ("miou_1", "miou_2", "miou_3", "accuracy_1", "mistake_severity", "ordered", "single_path")
SETTING = ("dataset", "share", "epochs", "filters")
COLUMNS = (*SETTING, "objective", "seed", *FIGURES, "minutes")
SIZES = {"camvid_tree": SIZE, "street_blocks": None}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).with_suffix(".csv"))
    parser.add_argument("--dataset", choices=SIZES, default="camvid_tree")
    parser.add_argument("--quarter", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--filters", type=int, default=8)
    parser.add_argument("--data-dir", help="folder of prepared data sets")
    options = parser.parse_args()
    if options.dataset == "camvid_tree":
        check_camvid()
    setting = {
        "dataset": options.dataset,
        "share": "0.25" if options.quarter else "1",
        "epochs": str(options.epochs),
        "filters": str(options.filters),
    }
    for seed in range(options.seeds):
        for objective in OBJECTIVES:
            if not rows.read(options.out, {**setting, "objective": objective, "seed": str(seed)}):
                rows.append(options.out, COLUMNS, {**setting, **run(objective, seed, setting, options.data_dir)})
    print(rows.table(rows.read(options.out, setting), "objective", OBJECTIVES, FIGURES))


def run(objective, seed, setting, data_dir):
    loss, method = OBJECTIVES[objective]
    size = SIZES[setting["dataset"]]
    values = {
        "dataset": setting["dataset"],
        # A quarter four times over, so that epochs and validations are as many.
        "train_split": "train" if setting["share"] == "1" else "+".join(["train[:25%]"] * 4),
        "size": size,
        "crop_size": size or (96, 128),
        "manual_dir": os.environ.get("CAMVID_DIR"),
        "data_dir": data_dir,
    }
    config = RunConfig(
        data=values,
        network={**SMALL_UNET, "filters": int(setting["filters"])},
        loss=loss,
        method=method,
        optimizer={"learning_rate": 2e-3},
        schedule={"epochs": int(setting["epochs"])},
        seed=seed,
    )
    start = time.time()
    with tempfile.TemporaryDirectory() as folder:
        train(config, folder, verbose=0)
        values = {**evaluate_run(folder, verbose=0), **coherence(folder)}
    rounded = {name: f"{values[name]:.4f}" for name in FIGURES if name in values}
    return {"objective": objective, "seed": seed, **rounded, "minutes": f"{(time.time() - start) / 60:.1f}"}


def coherence(folder):
    config, model = load_run(folder)
    metric = PathCoherence(model.tree, scores=model.scores, name="share")
    for image, label in examples_of(config, "validation", model.tree):
        metric.update_state(label, model.predict_on_batch(image))
    return {name.removeprefix("share_"): float(value) for name, value in metric.result().items()}


if __name__ == "__main__":
    main()
