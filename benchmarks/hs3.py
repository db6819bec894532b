"""HS3's tables 3, 5 and 6 in small: what supervising stages brings, on which clusters, and fusing them.

    CAMVID_DIR=/data/CamVid python -m benchmarks.hs3 [--seeds 3]

Every row trains the pretrained DeepLabV3+ of `benchmarks.hssn` on CamVid, divided by drives, for equal steps. Two
stages of its backbone are supervised. All rows of a seed have the same batches and augmentation. Clusters are found as
in the paper, by a network of the seed that is trained with deep supervision on 90 % of the training images, from its
stages' confusions on the other 10 %. They are kept beside the CSV.

Rows are appended to the CSV when a network is measured, and rows that are there are not made again. Several processes
may run the script at once. Parameters and multiply-adds are those of inference at 128 x 168. The rows of theta, table
5, are of the first seed.
"""

import argparse
import json
import pathlib
import time

import filelock

from benchmarks import rows
from benchmarks.claims import claimed
from benchmarks.fit_and_measure import fit, measure
from benchmarks.paired import paired_table
from benchmarks.street_tasks import TASKS
from hierseg_keras import data
from hierseg_keras.models import profile
from hierseg_keras.training.build import load_examples
from hierseg_keras.training.data_sets import DataSets
from hierseg_keras.training.traced_gradients import traced_gradients_freed
from hierseg_keras.tree import ClassTree

TASK = TASKS["camvid"]
STAGES = ("backbone/stage3", "backbone/stage5")
# By hand: the four groups that CamVid's authors give at the first stage, the seven categories at the second.
BY_HAND = (ClassTree.load("camvid_groups").to_text(), 2)
DEEP_SUPERVISION = {"clusters": None}
METHODS = {
    "none": None,
    "deep supervision": DEEP_SUPERVISION,
    "HS3 spectral": {},
    "HS3 k-means": {"clustering": "kmeans"},
    "HS3 by hand": {"clusters": BY_HAND},
    "HS3-Fuse": {"fuse": True},
}
# 0 degrees are deep supervision, and the line through the origin is the row "HS3 spectral".
ANGLES = {f"theta {theta}": {"theta": float(theta)} for theta in (50, 75, 85, 90)}
LEARNING_RATE = 0.003


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent / "results")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no row after so many minutes")
    parser.add_argument("--data-dir", help="folder of prepared data sets")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path, end = options.out / "hs3.csv", time.time() + 60 * options.minutes
    # Method by method, so that two processes search the clusters of two seeds at once.
    wanted = [(name, seed) for name in METHODS for seed in range(options.seeds)]
    for name, seed in [*wanted, *((name, 0) for name in ANGLES)]:
        row = {"method": name, "seed": str(seed)}
        with claimed(path, row) as is_free:
            if is_free and time.time() < end and not rows.read(path, row):
                make(path, row, {**METHODS, **ANGLES}[name], options)
    for split in TASK.splits:
        for names in (METHODS, ANGLES):
            if text := table(path, split, names):
                print(f"\n{split}\n\n{text}")


def table(path, split, names):
    """Returns the table of some methods in a CSV, in Markdown, or an empty string if it has none of them."""
    found = [row for row in rows.read(path, {"split": split}) if row["method"] in names]
    found.sort(key=lambda row: list(names).index(row["method"]))
    return paired_table(found, "method", "none") if found else ""


@traced_gradients_freed()
def make(path, row, method, options):
    start, config = time.time(), configuration(int(row["seed"]), options)
    if method is not None:
        config = config.replace(method={"name": "HS3", "stages": STAGES, **method})
        if config.finds_clusters:
            config = config.replace(method={"clusters": found_clusters(config, options)})
    model = fit(config)
    network = getattr(model, "inference_model", model)
    multiply_adds = sum(layer.multiply_adds for layer in profile(network, TASK.size))
    shared = {
        "clusters": " ".join(map(num_clusters, getattr(config.method, "clusters", None) or ())),
        "M parameters": f"{network.count_params() / 1e6:.3f}",
        "M multiply-adds": f"{multiply_adds / 1e6:.0f}",
    }
    measured = {split: measure(model, config, split) for split in TASK.splits}
    rows.append_measured(path, {**row, **shared}, measured, start)


def configuration(seed, options):
    loss = {"name": "SparseCategoricalCrossentropy"}
    optimizer = {"learning_rate": LEARNING_RATE}
    return TASK.config("full", options.data_dir, loss=loss, optimizer=optimizer, seed=seed)


def found_clusters(config, options):
    """Returns the clusters of each stage as texts, found once per seed and kind of clustering."""
    folder = options.out / "hs3_clusters"
    folder.mkdir(exist_ok=True)
    place = folder / f"seed_{config.seed}.json"
    with filelock.FileLock(place.with_suffix(".lock")):
        if not place.exists():
            place.write_text(json.dumps(search(config), indent=1), "utf-8")
    found = json.loads(place.read_text("utf-8"))[config.method.clustering]
    return tuple(sizes[str(config.method.theta)] for sizes in found.values())


def search(config):
    """Returns a dict from the kind of clustering and the stage to the trees of its clusters at each angle."""
    values = config.data
    builder = data.prepare(values.dataset, values.data_dir, values.manual_dir)
    reduced, analysis = data.split_off(builder, values.train_split, config.method.analysis_share)
    model = fit(config.replace(method={**DEEP_SUPERVISION, "fuse": False}, data={"train_split": reduced}))
    held_out = load_examples(config, DataSets(values, model.tree), analysis, count=-1)
    examples = [(image[None], label[None]) for image, label in held_out]
    names = model.tree.names[: model.tree.num_leaves]
    angles = ["origin", *(changes["theta"] for changes in ANGLES.values())]
    return {
        clustering: {
            stage: {
                str(theta): ClassTree.from_clusters(names, trade_off.clustering(theta)).to_text() for theta in angles
            }
            for stage, trade_off in model.search(examples, clustering).items()
        }
        for clustering in ("spectral", "kmeans")
    }


def num_clusters(cluster):
    tree = ClassTree.load("camvid")
    is_text = isinstance(cluster, str)
    return str(len(ClassTree.from_text(cluster).children() if is_text else tree.level_classes(cluster)))


if __name__ == "__main__":
    main()
