"""A training run from its configuration to a folder that holds all of it."""

import math
import pathlib

import keras

from hierseg_keras import data, models
from hierseg_keras.metrics import DepthLoss, LevelMeanIoU
from hierseg_keras.training.callbacks import DrawPredictions, SaveWeights
from hierseg_keras.training.config import RunConfig
from hierseg_keras.training.objectives import OBJECTIVES, make_loss
from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization import draw_curves

CONFIG, TREE, WEIGHTS, LOG, PICTURES = "config.json", "tree.txt", "model.weights.h5", "log.csv", "pictures"


def train(config, folder, verbose="auto"):
    """Trains a network and leaves everything about it in a folder.

    The folder holds `config.json`, `tree.txt`, `log.csv` (a row an epoch: loss, loss by depth,
    mIoU by level, for training and validation), `pictures/` (predictions while training, and
    the log's curves) and `model.weights.h5`.

    Args:
        config: `RunConfig`.
        folder: Path that does not exist yet, or an empty folder.
        verbose: As in `fit`.

    Returns:
        The trained `keras.Model`, compiled.

    Raises:
        FileExistsError: If the folder holds anything, which is left as it is.
        FloatingPointError: If the loss became NaN or infinite; the log tells when.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"expected a new or empty folder for the run. Received: {folder}. Choose another one.")
    keras.utils.set_random_seed(config.seed)
    tree = _tree_of(config)
    train_data = _load(config, tree, config.train_split, training=True)
    validation_data = _load(config, tree, config.validation_split)
    model = _compiled(config, tree, steps=config.epochs * len(train_data))

    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    config.to_file(folder / CONFIG)
    (folder / TREE).write_text(tree.to_text(), "utf-8")
    images, labels = next(validation_data.unbatch().batch(1).as_numpy_iterator())
    watch = keras.callbacks.TerminateOnNaN()
    model.fit(
        train_data,
        validation_data=validation_data,
        epochs=config.epochs,
        shuffle=False,
        verbose=verbose,
        callbacks=[
            watch,
            keras.callbacks.CSVLogger(folder / LOG),
            SaveWeights(folder / WEIGHTS),
            DrawPredictions(tree, images[0], labels[0], folder / PICTURES),
        ],
    )
    _check_finite(model, folder)
    draw_curves(folder / LOG, folder / PICTURES / "curves.png")
    return model


def load_run(folder):
    """Loads what `train` left in a folder.

    Args:
        folder: The run's folder.

    Returns:
        A pair `(config, model)`: `RunConfig`, and the compiled `keras.Model` with the weights of
        the last finished epoch; `model.tree` is its tree.

    Raises:
        FileNotFoundError: If the folder is not of a run, naming what it lacks.
    """
    folder = pathlib.Path(folder)
    missing = [name for name in (CONFIG, TREE, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(f"expected the folder of a training run. Received: {folder}, which lacks {missing}.")
    config = RunConfig.from_file(folder / CONFIG)
    model = _compiled(config, ClassTree.from_file(folder / TREE), steps=1)
    model.load_weights(folder / WEIGHTS)
    return config, model


def evaluate_run(folder, split=None, verbose="auto"):
    """Evaluates a run's network on a split of its data set.

    Args:
        folder: The run's folder.
        split: TFDS split. Defaults to the run's validation split.
        verbose: As in `evaluate`.

    Returns:
        Dict from a figure's name to its value, as `evaluate(return_dict=True)` gives it.
    """
    config, model = load_run(folder)
    examples = _load(config, model.tree, split or config.validation_split)
    return model.evaluate(examples, return_dict=True, verbose=verbose)


def _tree_of(config):
    if config.tree is None:
        return ClassTree.from_tfds(data.prepare(config.dataset, config.data_dir, config.manual_dir).info)
    if config.tree in ClassTree.available():
        return ClassTree.load(config.tree)
    return ClassTree.from_file(config.tree)


def _ignore_class(tree):
    """255, as Keras users expect it, unless the tree has so many nodes."""
    return 255 if tree.num_nodes <= 255 else -1


def _load(config, tree, split, training=False):
    return data.load(
        config.dataset,
        split,
        training=training,
        tree=tree,
        batch_size=config.batch_size,
        size=config.size,
        crop_size=config.crop_size,
        seed=config.seed,
        ignore_class=_ignore_class(tree),
        data_dir=config.data_dir,
        manual_dir=config.manual_dir,
    )


def _compiled(config, tree, steps):
    outputs, _ = OBJECTIVES[config.loss]
    model = models.UNet(tree, outputs=outputs, filters=config.filters, num_stages=config.num_stages)
    loss, by_depth = make_loss(config.loss, tree, _ignore_class(tree))
    metrics = [LevelMeanIoU(tree, outputs=outputs, ignore_class=_ignore_class(tree)), DepthLoss(by_depth)]
    model.compile(_optimizer(config, steps), loss=loss, metrics=metrics)
    return model


def _optimizer(config, steps):
    rate = keras.optimizers.schedules.PolynomialDecay(
        config.learning_rate, steps, end_learning_rate=0.0, power=config.power
    )
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=config.weight_decay)
    return keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)


def _check_finite(model, folder):
    loss = model.history.history.get("loss", [math.nan])[-1]
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the loss became {loss} in epoch {len(model.history.epoch)}; {folder / LOG} tells how it went. Lower the "
            "learning rate, and check that every label is a node of the tree or `ignore_class`."
        )
