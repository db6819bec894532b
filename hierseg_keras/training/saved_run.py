"""The folder that a run leaves behind, read again."""

import pathlib

import tensorflow as tf

from hierseg_keras.training.config import RunConfig
from hierseg_keras.training.from_config import compile_model, load_evaluation, make_model
from hierseg_keras.training.optimizers import make_optimizer
from hierseg_keras.tree import ClassTree

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


def evaluate_run(folder, split=None, verbose="auto", strategy=None):
    """Evaluates a run's network on a split of its data set.

    Args:
        folder: The run's folder.
        split: TFDS split. Defaults to the run's validation split.
        verbose: As in `evaluate`.
        strategy: As in `load_run`. Where images are of one size, mIoU is the same on any number of
            replicas; so is the loss, where they have equally many labelled pixels.

    Returns:
        Dict from a figure's name to its value, as `evaluate(return_dict=True)` gives it.
    """
    strategy = strategy or tf.distribute.get_strategy()
    config, model = load_run(folder, strategy)
    examples, steps = load_evaluation(config, model.tree, split or config.validation_split, strategy)
    return model.evaluate(examples, steps=steps, return_dict=True, verbose=verbose)
