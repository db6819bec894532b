"""A training run from its configuration to a folder that holds all of it."""

import math
import pathlib

import keras

from hierseg_keras.training.callbacks import (
    MONITOR,
    AverageReplicas,
    DrawPredictions,
    SaveWeights,
    png_writer,
    stop_early,
)
from hierseg_keras.training.failing_pictures import OneWarning
from hierseg_keras.training.from_config import (
    compile_model,
    load_evaluation,
    load_examples,
    load_training,
    make_model,
    tree_of,
)
from hierseg_keras.training.optimizers import make_optimizer
from hierseg_keras.training.saved_run import CONFIG, LOG, PICTURES, TENSORBOARD, TREE, WEIGHTS
from hierseg_keras.training.strategy import check_batch_size, check_jit_compile, make_strategy
from hierseg_keras.training.tensorboard import check_tensorboard, tensorboard_callbacks
from hierseg_keras.visualization import draw_curves

# How many validation images TensorBoard shows.
NUM_EXAMPLES = 3


def train(config, folder, verbose="auto", strategy=None):
    """Trains a network and leaves everything about it in a folder.

    The folder holds `config.json`, `tree.txt`, `log.csv` (a row an epoch: loss, loss by depth,
    mIoU by level, for training and validation), `pictures/` (predictions while training, and
    the log's curves), `model.weights.h5` and, if the configuration says so, `tensorboard/`.

    The weights are those of the last epoch, or of the best one under early stopping, and the
    averaged ones where `ema_momentum` is set; so are the network's that is returned.

    Args:
        config: `RunConfig`.
        folder: Path that does not exist yet, or an empty folder.
        verbose: As in `fit`.
        strategy: `tf.distribute.Strategy` to train under. Defaults to `make_strategy` of
            `config.replicas`.

    Returns:
        The trained `keras.Model`, compiled.

    Raises:
        FileExistsError: If the folder holds anything, which is left as it is.
        ValueError: If the configuration does not fit the number of replicas, or the data.
        ModuleNotFoundError: If `config.tensorboard` is set and TensorBoard is not installed.
        FloatingPointError: If the loss became NaN or infinite; the log tells when.
    """
    folder = pathlib.Path(folder)
    check_new(folder)
    _check_phases(config)
    strategy = strategy or make_strategy(config.replicas)
    _check_before_data(config, strategy)
    keras.utils.set_random_seed(config.seed)
    tree = tree_of(config)
    train_data = load_training(config, tree)
    validation_data, validation_steps = load_evaluation(config, tree, config.validation_split, strategy)
    examples = load_examples(config, tree, config.validation_split, NUM_EXAMPLES)
    epochs = config.num_epochs(len(train_data))
    with strategy.scope():
        model = make_model(config, tree)
        optimizer = make_optimizer(config, num_batches=epochs * len(train_data))
        compile_model(model, config, optimizer, config.jit_compile)

    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    config.to_file(folder / CONFIG)
    (folder / TREE).write_text(tree.to_text(), "utf-8")
    model.fit(
        train_data,
        validation_data=validation_data,
        validation_steps=validation_steps,
        epochs=epochs,
        shuffle=False,
        verbose=verbose,
        callbacks=_callbacks(config, tree, examples, folder),
    )
    _check_finite(model, folder)
    curves = folder / PICTURES / "curves.png"
    with OneWarning(curves):
        draw_curves(folder / LOG, curves)
    return model


def check_new(folder):
    """Refuses a folder that holds anything."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"expected a new or empty folder for the run. Received: {folder}. Choose another one.")


def _check_phases(config):
    if config.finds_clusters:
        raise ValueError(
            '`train` expects `clusters` of each stage for method "hs3". Received: clusters=None. `train_hs3` finds '
            'them, and method "deep_supervision" has all classes at every stage.'
        )


def _check_before_data(config, strategy):
    """What would otherwise fail after minutes of preparing data, or in the first epoch."""
    check_jit_compile(config.jit_compile, strategy)
    check_batch_size(config.batch_size, strategy)
    if config.tensorboard:
        check_tensorboard()


def _callbacks(config, tree, examples, folder):
    callbacks = [keras.callbacks.TerminateOnNaN(), keras.callbacks.CSVLogger(folder / LOG), AverageReplicas()]
    if config.ema_momentum is not None:
        # From here on an epoch ends with the averaged weights in the network.
        callbacks.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    if config.early_stopping_patience is not None:
        callbacks.append(stop_early(config.early_stopping_patience))
    monitor = None if config.early_stopping_patience is None else MONITOR
    callbacks.append(SaveWeights(folder / WEIGHTS, monitor))
    callbacks.append(DrawPredictions(tree, examples[:1], png_writer(folder / PICTURES)))
    if config.tensorboard:
        callbacks += tensorboard_callbacks(tree, examples, folder / TENSORBOARD)
    return callbacks


def _check_finite(model, folder):
    loss = model.history.history.get("loss", [math.nan])[-1]
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the loss became {loss} in epoch {len(model.history.epoch)}; {folder / LOG} tells how it went. Lower the "
            "learning rate, and check that every label is a node of the tree or `ignore_class`."
        )
