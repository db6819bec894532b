"""Train a flat and a tree-trained network on few fine labels, compare them, draw, export, check and report."""

import csv
import pathlib

import numpy as np

from hierseg_keras import data, export
from hierseg_keras.cli import demo_table
from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.cli.side_by_side import train_side_by_side
from hierseg_keras.decoding import best_path
from hierseg_keras.files import written_beside
from hierseg_keras.training import RunConfig, for_inference, load_run, report_runs
from hierseg_keras.training.folder_claim import claimed
from hierseg_keras.training.run_state import check_new
from hierseg_keras.training.saved_run import LOG
from hierseg_keras.visualization import draw_levels

# Image sizes that were not used in training. One of them is odd.
CHECKED_SIZES = ((72, 104), (81, 127))
CHECKED_SIGNATURES = ("serving_default", "probabilities")
# One image in so many is labeled with leaves.
ONE_IN = 10


def run(options):
    out = pathlib.Path(options.out)
    with reading_options():
        configs = configurations(options)
    with claimed(out):
        check_new(out)
        return _run(out, configs, options)


def configurations(options):
    """Returns the `RunConfig` of both runs.

    `flat` sees the tenth of the images that is labeled with leaves, as often as it takes for an epoch to be as long
    as that of `tree`. `tree` sees the others too, labeled at level 2, in one half of each batch.
    """
    share = f"{100 / ONE_IN}%"
    few, rest = f"train[:{share}]", f"train[{share}:]"
    shared = {name: getattr(options, name) for name in ("size", "data_dir", "manual_dir")}
    network = {name: getattr(options, name) for name in ("backbone", "weights", "filters")}
    config = RunConfig(
        data={**shared, "dataset": options.dataset, "train_split": "+".join([few] * ONE_IN)},
        network={"name": "DeepLabV3Plus", **network},
        loss={"name": "SparseCategoricalCrossentropy"},
        # Validation takes a tenth of the time.
        evaluation={"every": 3},
        schedule={"steps": options.steps},
        seed=options.seed,
    )
    mixed = {"dataset": [options.dataset] * 2, "train_split": [few, rest], "label_levels": [1, 2]}
    mixed["batch_shares"] = [config.data.batch_size // 2] * 2
    return {"flat": config, "tree": config.replace(data=mixed, loss={"name": options.loss})}


def _run(out, configs, options):
    values = configs["flat"].data
    data.prepare(values.dataset, data_dir=values.data_dir, manual_dir=values.manual_dir)
    for name, config in configs.items():
        print(f"{name:5s} {config.loss.name}, trained on {demo_table.LABELS[name]}")
    code = train_side_by_side(configs, out)
    if code:
        return code
    models = {name: load_run(out / name)[1] for name in configs}

    print("\n" + demo_table.compare({name: last_row(out / name) for name in configs}, demo_table.fits(options)))
    print(f"\nPicture of one validation image at every level: {draw(configs['tree'], models, out / 'levels.png')}")
    served = for_inference(configs["tree"], models["tree"])
    path = export.saved_model(served, out / "saved_model")
    print(f"SavedModel: {path}. Comparing its outputs in a new process without Keras and hierseg_keras:")
    code = check(served, path, out / "expected.npz", options.seed)
    page = report_runs([out / name for name in configs], out / "page")
    print(f"\nPage with what both networks predict, to be opened in a browser: {page.resolve()}")
    return code


def last_row(run):
    """Returns the figures of the last epoch of a run."""
    with (run / LOG).open(newline="", encoding="utf-8") as file:
        *_, last = csv.DictReader(file)
    return {name: float(value) for name, value in last.items()}


def draw(config, models, path):
    """Draws the validation image with the most classes, with the ground truth and the prediction of every network."""
    tree = models["tree"].tree
    values, split = config.data, config.evaluation.split
    options = {"tree": tree, "size": values.size, "batch_size": 1, "data_dir": values.data_dir}
    examples = data.load(config.evaluation_dataset, split, **options)
    image, label = max(examples.take(40).as_numpy_iterator(), key=lambda example: len(np.unique(example[1])))
    maps = {"truth": label[0]}
    for name, model in models.items():
        leaf, _ = best_path(tree, model(image, training=False), model.scores, model.from_logits)
        maps[name] = np.asarray(leaf[0])
    with written_beside(path) as new:
        draw_levels(tree, image[0], maps, new)
    return path


def check(model, path, expected, seed):
    """Compares the SavedModel's outputs with the network's in a new process, on image sizes not used in training."""
    rng = np.random.default_rng(seed)
    images = [rng.integers(0, 256, (2, *size, 3), np.uint8) for size in CHECKED_SIZES]
    agrees = export.check_in_fresh_process(path, model, images, expected, signatures=CHECKED_SIGNATURES)
    print("The SavedModel agrees on every output." if agrees else "The SavedModel differs.")
    return 0 if agrees else 1
