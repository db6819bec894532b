"""The folder that a run leaves behind, read again."""

import pathlib

import tensorflow as tf

from hierseg_keras import data
from hierseg_keras.models import MultiScale, SlidingWindow
from hierseg_keras.training.config import RunConfig
from hierseg_keras.training.failing_pictures import OneWarning
from hierseg_keras.training.from_config import compile_model, load_evaluation, make_model
from hierseg_keras.training.optimizers import make_optimizer
from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization import draw_report

CONFIG, TREE, WEIGHTS, LOG = "config.json", "tree.txt", "model.weights.h5", "log.csv"
PICTURES, TENSORBOARD = "pictures", "tensorboard"


def load_run(folder, strategy=None):
    """Loads what `train` left in a folder.

    Args:
        folder: The run's folder.
        strategy: `tf.distribute.Strategy` of the network, whatever it was trained under. Defaults
            to the one in whose scope this is called, which is TensorFlow's on one device.

    Returns:
        A pair `(config, model)`: `RunConfig`, and the compiled `keras.Model` with the weights
        that `train` saved; `model.tree` is its tree.

    Raises:
        FileNotFoundError: If the folder is not of a run, naming what it lacks.
    """
    folder = pathlib.Path(folder)
    missing = [name for name in (CONFIG, TREE, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(f"expected the folder of a training run. Received: {folder}, which lacks {missing}.")
    config = RunConfig.from_file(folder / CONFIG)
    with (strategy or tf.distribute.get_strategy()).scope():
        model = make_model(config, ClassTree.from_file(folder / TREE), pretrained=False)
        # Before `compile`: the file holds the optimizer's variables too, and there is none to take them.
        model.load_weights(folder / WEIGHTS)
        compile_model(model, config, make_optimizer(config, num_batches=config.accumulation_steps))
    return config, model


def for_inference(config, model, scales=None, flip=False, window=None):
    """A run's network, averaged over scales, mirror images and windows as asked.

    Args:
        config, model: As `load_run` gives them.
        scales: Factors of the image's size, as in `models.MultiScale`. `None` keeps it.
        flip: Whether to average with the mirror image; the data set's `flip_pairs` change places.
        window: `(H, W)` of windows, as in `models.SlidingWindow`. `None` takes the image whole.

    Returns:
        `keras.Model` from images to logits, not compiled; `model` itself where nothing is asked.
    """
    if window is not None:
        model = SlidingWindow(model, window)
    if scales is None and not flip:
        return model
    pairs = data.flip_pairs(config.dataset, config.data_dir, config.manual_dir) if flip else ()
    return MultiScale(model, scales=(1.0,) if scales is None else scales, flip=flip, flip_pairs=pairs)


def evaluate_run(folder, split=None, verbose="auto", strategy=None, report=None, **inference):
    """Evaluates a run's network on a split of its data set.

    Args:
        folder: The run's folder.
        split: TFDS split. Defaults to the run's validation split.
        verbose: As in `evaluate`.
        strategy: As in `load_run`. Where images are of one size, mIoU is the same on any number of
            replicas; so is the loss, where they have equally many labelled pixels.
        report: Optional folder for a report by class and level: `report.txt`, `.csv` and `.png`.
        inference: `scales`, `flip` and `window`, as in `for_inference`.

    Returns:
        Dict from a figure's name to its value, as `evaluate(return_dict=True)` gives it.
    """
    strategy = strategy or tf.distribute.get_strategy()
    config, model = load_run(folder, strategy)
    examples, steps = load_evaluation(config, model.tree, split or config.validation_split, strategy)
    with strategy.scope():
        model = for_inference(config, model, **inference)
        by_class = compile_model(model, config, optimizer="sgd")
    figures = model.evaluate(examples, steps=steps, return_dict=True, verbose=verbose)
    if report is not None:
        _write_report(by_class, pathlib.Path(report))
    return figures


def _write_report(by_class, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.txt").write_text(by_class.to_text() + "\n", "utf-8")
    by_class.to_csv(folder / "report.csv")
    with OneWarning(folder / "report.png"):
        draw_report(by_class.tree, by_class.rows(), folder / "report.png")
