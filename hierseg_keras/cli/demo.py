"""Train a flat and a tree-trained network with equal steps, compare them, draw, export and check."""

import pathlib

import numpy as np

from hierseg_keras import data, export
from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.decoding import best_path
from hierseg_keras.files import written_beside
from hierseg_keras.training import RunConfig, train
from hierseg_keras.training.folder_claim import check_new, claimed
from hierseg_keras.visualization import draw_levels

# Image sizes that were not used in training. One of them is odd.
CHECKED_SIZES = ((72, 104), (81, 127))
# Small enough to train on two CPU cores in a few minutes.
NUM_STAGES = 4


def run(options):
    out = pathlib.Path(options.out)
    values = {name: getattr(options, name) for name in ("dataset", "size", "data_dir", "manual_dir")}
    with reading_options():
        tree_config = RunConfig(
            data=values,
            network={"name": "UNet", "filters": options.filters, "num_stages": NUM_STAGES},
            loss={"name": options.loss},
            schedule={"epochs": options.epochs},
            seed=options.seed,
        )
    with claimed(out):
        check_new(out)
        return _run(out, tree_config, options.seed)


def _run(out, tree_config, seed):
    configs = {"flat": tree_config.replace(loss={"name": "SparseCategoricalCrossentropy"}), "tree": tree_config}
    models = {}
    for name, config in configs.items():
        print(f"\n{name}: {config.loss.name}, {config.schedule.epochs} epochs")
        models[name] = train(config, out / name)
    histories = {name: model.history.history for name, model in models.items()}

    print("\n" + compare(histories, {name: config.loss.name for name, config in configs.items()}))
    print(f"\nPicture of one validation image at every level: {draw(tree_config, models, out / 'levels.png')}")
    path = export.saved_model(models["tree"], out / "saved_model")
    print(f"SavedModel: {path}. Comparing its outputs in a new process without Keras and hierseg_keras:")
    return check(models["tree"], path, out / "expected.npz", seed)


def compare(histories, losses):
    """Returns a text table of the last epoch's validation mIoU: one row per level, one column per run."""
    levels = [name for name in next(iter(histories.values())) if name.startswith("val_miou_")]
    lines = ["validation mIoU" + "".join(f"{f'{run} ({losses[run]})':>38s}" for run in histories)]
    for level in levels:
        title = level.replace("val_miou_", "level ").replace("level mean", "mean")
        lines.append(f"{title:15s}" + "".join(f"{histories[run][level][-1]:38.3f}" for run in histories))
    return "\n".join(lines)


def draw(config, models, path):
    """Draws the validation image with the most classes, with the truth and the prediction of every network."""
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
    agrees = export.check_in_fresh_process(path, model, images, expected)
    print("The SavedModel agrees on every output." if agrees else "The SavedModel differs.")
    return 0 if agrees else 1
