"""Does a tree help because it is right, or because it is a tree?

    CAMVID_DIR=/data/CamVid python -m benchmarks.learned_tree [--seeds 3] [--work FOLDER]

One small UNet on CamVid, as in `benchmarks.hssn`, is trained with `HierarchicalCrossentropy` and with
`FocalTreeMin` along three trees over the 11 classes, each with as many classes at its upper level:

- given: the seven categories that come with the data set;
- learned: seven families of classes that a flat network took for each other, by `ClassTree.from_confusion`;
  the network had 90 % of the training images, and the counts are of the other 10 %;
- random: the given tree with its leaves exchanged at random, another draw each seed.

All are evaluated on the validation split with the *given* tree: mIoU of the classes, mIoU of the
categories, and how grave mistakes are. Rows are appended to the CSV, and those there are not run again.
"""

import argparse
import pathlib
import tempfile
import time

import keras
import numpy as np

from benchmarks import rows
from benchmarks.camvid_runs import camvid_run, check_camvid, examples_of
from hierseg_keras import data
from hierseg_keras.decoding import best_path
from hierseg_keras.metrics import TreeReport
from hierseg_keras.training import train
from hierseg_keras.tree import ClassTree

GIVEN = ClassTree.load("camvid")
NAMES = GIVEN.names[: GIVEN.num_leaves]
CATEGORIES = GIVEN.level_table[1][: GIVEN.num_leaves]
TREES = ("given", "learned", "random")
# Share of the training images that a tree is learned on.
KEPT_BACK = 0.1
# Name in the table -> class.
LOSSES = {"hierarchical_crossentropy": "HierarchicalCrossentropy", "focal_tree_min": "FocalTreeMin"}
FIGURES = ("miou_1", "miou_2", "mistake_severity")
COLUMNS = ("row", "loss", "tree", "seed", "epochs", *FIGURES, "minutes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent / "results/learned_tree.csv")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("learned_trees"), help="folder of trees")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--data-dir", help="folder of prepared data sets")
    options = parser.parse_args()
    check_camvid()
    setting = {"epochs": str(options.epochs)}
    for seed in range(options.seeds):
        for loss in LOSSES:
            for tree in TREES:
                key = {**setting, "loss": loss, "tree": tree, "seed": str(seed)}
                if not rows.read(options.out, key):
                    values = run(loss, tree_file(tree, seed, options), seed, options)
                    rows.append(options.out, COLUMNS, {**key, "row": f"{loss}, {tree}", **values})
    names = [f"{loss}, {tree}" for loss in LOSSES for tree in TREES]
    print(rows.table(rows.read(options.out, setting), "row", names, FIGURES))


def run(loss, tree, seed, options):
    start = time.time()
    config = camvid_run(options, seed=seed, loss={"name": LOSSES[loss]}, data={"tree": str(tree)})
    with tempfile.TemporaryDirectory() as folder:
        model = train(config, folder, verbose=0)
    report = counted(model, config, "validation").result()
    values = {name: f"{float(report[name]):.4f}" for name in FIGURES}
    return {**values, "minutes": f"{(time.time() - start) / 60:.1f}"}


def tree_file(tree, seed, options):
    """The file of a tree, made where it is missing."""
    path = options.work / (f"{tree}_{seed}.txt" if tree == "random" else f"{tree}.txt")
    if not path.exists():
        options.work.mkdir(parents=True, exist_ok=True)
        clusters = learned(options) if tree == "learned" else CATEGORIES
        clusters = np.random.default_rng(seed).permutation(clusters) if tree == "random" else clusters
        path.write_text(ClassTree.from_clusters(NAMES, clusters).to_text(), "utf-8")
    return path


def learned(options):
    """Each class's family."""
    config = camvid_run(options, loss={"name": "SparseCategoricalCrossentropy"})
    values = config.data
    builder = data.prepare(values.dataset, values.data_dir, values.manual_dir)
    reduced, analysis = data.split_off(builder, values.train_split, KEPT_BACK)
    with tempfile.TemporaryDirectory() as folder:
        model = train(config.replace(data={"train_split": reduced}), folder, verbose=0)
    counts = counted(model, config, analysis).confusion.exact_counts()[: GIVEN.num_leaves]
    tree = ClassTree.from_confusion(counts, NAMES, sizes=[len(set(CATEGORIES))])
    return tree.level_table[1][: tree.num_leaves]


def counted(model, config, split):
    """A report, with the given tree, of a network trained on any tree of the same leaves."""
    report = TreeReport(GIVEN, scores="leaves")
    for image, label in examples_of(config, split, GIVEN):
        leaf, _ = best_path(model.tree, model.predict_on_batch(image), model.scores)
        report.update_state(label, keras.ops.one_hot(leaf, GIVEN.num_leaves))
    return report


if __name__ == "__main__":
    main()
