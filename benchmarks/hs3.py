"""HS3's tables 3, 5 and 6 in small: what supervising stages brings, on which clusters, and fusing them.

    CAMVID_DIR=/data/CamVid python -m benchmarks.hs3 [--seeds 3] [--work FOLDER]

Every row trains one narrow HRNet-OCR on CamVid's 11 classes, 90 x 120 pixels, for equal steps; all of
a seed have the same batches and augmentation. Clusters are found as in the paper, by a network of
the seed that is trained with deep supervision on 90 % of the training images, from what its stages
take for what on the other 10 %. That network is kept in the work folder; rows are appended to the
CSV when they are evaluated, and those that are there are not run again. The mIoU is the validation
split's; parameters and multiply-adds are those of inference, at 96 x 128. The rows of theta, table 5,
are of the first seed.
"""

import argparse
import pathlib
import tempfile
import time

from benchmarks import rows
from benchmarks.camvid_runs import camvid_run, check_camvid, examples_of
from hierseg_keras import data
from hierseg_keras.models import profile
from hierseg_keras.training import load_run, train
from hierseg_keras.tree import ClassTree

# By hand: the four groups that CamVid's authors give at stage 2, the seven categories at stage 3.
BY_HAND = (ClassTree.load("camvid_groups").to_text(), 2)
# As many multiply-adds as the plain network has.
LIGHTER = {"filters": 22, "key_filters": 11}
DEEP_SUPERVISION = {"name": "HS3", "clusters": None}
METHODS = {
    "none": {"method": None},
    "deep supervision": {"method": DEEP_SUPERVISION},
    "HS3 spectral": {"method": {"name": "HS3"}},
    "HS3 k-means": {"method": {"name": "HS3", "clustering": "kmeans"}},
    "HS3 by hand": {"method": {"name": "HS3", "clusters": BY_HAND}},
    "HS3-Fuse": {"method": {"name": "HS3", "fuse": True}},
    "HS3-Fuse, lighter": {"method": {"name": "HS3", "fuse": True}, "network": LIGHTER},
}
# 0 degrees are deep supervision, and the line through the origin is the row "HS3 spectral".
ANGLES = {f"theta {theta}": {"method": {"name": "HS3", "theta": float(theta)}} for theta in (50, 75, 85, 90)}
FIGURES = ("miou_1", "miou_2", "M parameters", "M multiply-adds")
COLUMNS = ("method", "seed", "epochs", "width", "clusters", *FIGURES, "minutes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).with_suffix(".csv"))
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("hs3_runs"), help="folder of first phases")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--data-dir", help="folder of prepared data sets")
    options = parser.parse_args()
    check_camvid()
    setting = {"epochs": str(options.epochs), "width": str(options.width)}
    for seed in range(options.seeds):
        for method, changes in {**METHODS, **(ANGLES if seed == 0 else {})}.items():
            if not rows.read(options.out, {**setting, "method": method, "seed": str(seed)}):
                row = run(seed, changes, options)
                rows.append(options.out, COLUMNS, {**setting, "method": method, "seed": seed, **row})
    print(rows.table(rows.read(options.out, setting), "method", (*METHODS, *ANGLES), FIGURES))


def run(seed, changes, options):
    start = time.time()
    config = configuration(seed, options).replace(**changes)
    if config.finds_clusters:
        config = config.replace(method={"clusters": found_clusters(config, options)})
    with tempfile.TemporaryDirectory() as folder:
        model = train(config, folder, verbose=0)
    values = {name: series[-1] for name, series in model.history.history.items()}
    network = getattr(model, "inference_model", model)
    multiply_adds = sum(layer.multiply_adds for layer in profile(network, (96, 128)))
    return {
        "clusters": " ".join(map(num_clusters, getattr(config.method, "clusters", None) or ())),
        **{name: f"{values[f'val_{name}']:.4f}" for name in ("miou_1", "miou_2")},
        "M parameters": f"{network.count_params() / 1e6:.4f}",
        "M multiply-adds": f"{multiply_adds / 1e6:.1f}",
        "minutes": f"{(time.time() - start) / 60:.1f}",
    }


def configuration(seed, options):
    network = {"name": "HRNetOCR", "width": options.width, "num_modules": (1, 1, 1), "num_blocks": 1}
    network |= {"filters": 32, "key_filters": 16}
    loss = {"name": "SparseCategoricalCrossentropy"}
    return camvid_run(options, network=network, loss=loss, seed=seed, data={"crop_size": (96, 128)})


def found_clusters(config, options):
    """The clusters of each stage as texts, of the search that a seed's rows share."""
    found = search(config.seed, config.method.clustering, options)
    tree = ClassTree.load("camvid")
    names = tree.names[: tree.num_leaves]
    return tuple(
        ClassTree.from_clusters(names, trade_off.clustering(config.method.theta)).to_text()
        for trade_off in found.values()
    )


def search(seed, clustering, options):
    folder = options.work / f"seed_{seed}_width_{options.width}_epochs_{options.epochs}"
    config = configuration(seed, options).replace(method=DEEP_SUPERVISION)
    values = config.data
    builder = data.prepare(values.dataset, values.data_dir, values.manual_dir)
    reduced, analysis = data.split_off(builder, values.train_split, config.method.analysis_share)
    if not folder.exists():
        unfinished = folder.with_name(f"unfinished.{folder.name}")
        train(config.replace(data={"train_split": reduced}), unfinished, verbose=0)
        unfinished.rename(folder)
    _, model = load_run(folder)
    return model.search(examples_of(config, analysis, model.tree), clustering)


def num_clusters(cluster):
    tree = ClassTree.load("camvid")
    is_text = isinstance(cluster, str)
    return str(len(ClassTree.from_text(cluster).children() if is_text else tree.level_classes(cluster)))


if __name__ == "__main__":
    main()
