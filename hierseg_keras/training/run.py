"""Trains a network from a configuration, and saves the results in a folder."""

import contextlib
import math
import os
import pathlib
import warnings

import keras
import tensorflow as tf

from hierseg_keras import data
from hierseg_keras.data.record_files import have_common_records
from hierseg_keras.distribution.averaged_statistics import AverageReplicas
from hierseg_keras.distribution.processes import first_alone, is_first
from hierseg_keras.distribution.strategy import (
    check_batch_size,
    check_jit_compile,
    check_precision,
    check_strategy,
    make_strategy,
)
from hierseg_keras.files import write_whole, written_beside
from hierseg_keras.training.agreement import check_agreement, naming_lost_processes
from hierseg_keras.training.build import (
    SET_BY_DATA,
    check_classes,
    compile_model,
    excluding_blank_images,
    load_evaluation,
    load_examples,
    load_training,
    make_parts,
    start_at_prior,
    tree_of,
    with_data,
)
from hierseg_keras.training.callbacks import (
    MONITOR,
    DrawPredictions,
    SaveWeights,
    SeedEpochs,
    StopEarly,
    WriteLog,
    png_writer,
)
from hierseg_keras.training.checkpoints.earlier_run import CHECKPOINTS, earlier_run
from hierseg_keras.training.checkpoints.interval import parse_interval
from hierseg_keras.training.checkpoints.restore_checkpoint import RestoreCheckpoint
from hierseg_keras.training.checkpoints.save_checkpoints import SaveCheckpoints
from hierseg_keras.training.checkpoints.stop_request import catching_signals
from hierseg_keras.training.config import ConfigError, RunConfig
from hierseg_keras.training.config.checks import has_random_weights, training_conflicts
from hierseg_keras.training.config.files import CONFIG
from hierseg_keras.training.data_sets import DataSets, absolute_folders, class_table, palette_of
from hierseg_keras.training.failing_pictures import OneWarning
from hierseg_keras.training.folder_claim import claimed
from hierseg_keras.training.initialize import describe, initialize
from hierseg_keras.training.manifest import CLASSES, TREE, WEIGHTS, Manifest
from hierseg_keras.training.optimizers import make_optimizer
from hierseg_keras.training.origin import origin_of
from hierseg_keras.training.progress_line import progress_of
from hierseg_keras.training.run_state import check_new
from hierseg_keras.training.saved_run import LOG, PICTURES, TENSORBOARD, load_run
from hierseg_keras.training.tensorboard import check_tensorboard, tensorboard_callbacks
from hierseg_keras.training.traced_gradients import traced_gradients_freed
from hierseg_keras.visualization import draw_curves, node_colors

# Number of validation images that TensorBoard shows.
NUM_EXAMPLES = 3
# Crops of more than so many times the area of the images raise a warning.
_MOST_PADDED = 4


def train(
    config: RunConfig,
    folder: str | os.PathLike,
    verbose: int | str = "auto",
    strategy: tf.distribute.Strategy | None = None,
    resume: bool = False,
    replan: bool = False,
) -> keras.Model:
    """Trains a network, and saves the run in a folder.

    The folder contains:

    - `config.toml`: the whole configuration, including defaults.
    - `tree.txt`: the class tree.
    - `classes.csv`: the ids in the label maps of the validation data set, and their nodes.
    - `log.csv`: one row per epoch with loss, loss by depth and mIoU by level, for training and validation.
    - `pictures/`: predictions during training, and the curves of the log.
    - `model.weights.h5`: the weights.
    - `run.json`: the hashes of configuration, tree, class table and weights, which `load_run` checks; whether the
      training is finished; the software versions and devices; and a fingerprint of the data.
    - `tensorboard/`, if `config.tensorboard` is set.
    - `checkpoints/`: the last two checkpoints, which `resume=True` resumes from.

    The saved weights are those of the last epoch, or of the best epoch with early stopping. The returned network has
    the same weights. If `schedule.ema_momentum` is set, they are the averaged weights. If a weight, the loss or the
    validation loss becomes NaN or infinite, training ends, and the file keeps the weights of an earlier epoch.

    The folder is locked against other processes during training. Files are replaced atomically: if the process is
    killed, or the disk is full, the folder keeps the weights that were saved last.

    A checkpoint is saved every `config.save_every`, after the first epoch, when training ends, and after the first
    SIGTERM or SIGINT (Ctrl-C), which ends the training. It contains the state of the network, the optimizer, the
    metrics and the callbacks: of these, the public attributes that are numbers, Booleans, `None`, NumPy arrays, or
    lists and dicts of these. A resumed run begins with the batch after it, and ends with the same weights and the same
    log as a run that was never interrupted: bit for bit on one CPU, with the same versions and number of threads.

    Args:
        config: `RunConfig`.
        folder: Path that does not exist yet, or an empty folder. With `resume=True` also the folder of an earlier run.
        verbose: As in `fit`, except that `"auto"` prints only loss and mIoU, in a line of at most 100 columns.
        strategy: `tf.distribute.Strategy` to train under. Defaults to `make_strategy(config.replicas)`.
        resume: Whether to resume the run in the folder, if there is one. Its tree, data and configuration must be
            the same, except for `schedule.epochs`, `schedule.steps`, `save_every`, `tensorboard`, `replicas`,
            `evaluation.batch_size`, `published`, `data.data_dir`, `data.manual_dir` and `data.palette`. A finished run
            that has no epochs left is loaded. Defaults to `False`.
        replan: Whether a resumed run with more epochs stretches the schedules of the learning rate and of HSSN's
            triplet loss over them. Otherwise, the schedules end where they were planned to end, and a warning says if
            the learning rate is then zero. Defaults to `False`.

    Returns:
        The trained `keras.Model`, compiled.

    Raises:
        FileExistsError: If the folder is not empty, or another process trains into it. Its files are not changed.
        TrainingInterrupted: A `KeyboardInterrupt`, if the process received SIGTERM or SIGINT. The state is saved.
        ConfigError: If a class raises an error for its options.
        ValueError: If `config.method.clusters` is `"search"`; the configuration does not fit the number of
            replicas or the data; or a run cannot be resumed, because a value, the tree or the data have changed.
        ModuleNotFoundError: If `config.tensorboard` is set and TensorBoard is not installed.
        FloatingPointError: If a loss or a weight became NaN or infinite. The message names this epoch, and
            the epoch whose weights are kept.
    """
    return train_on(config, folder, verbose, strategy, resume, replan)


def train_on(config, folder, verbose, strategy, resume, replan=False, data_sets=None):
    """Trains as `train` does. Pass the same `data_sets` to several trainings on them. Defaults to new `DataSets`."""
    folder = pathlib.Path(folder)
    with naming_lost_processes(), claimed(folder) if is_first() else contextlib.nullcontext():
        earlier = first_alone(lambda: _earlier(folder, resume))
        _check_same_run(config, earlier, resume, replan)
        _check_phases(config)
        strategy = strategy or make_strategy(config.replicas)
        check_before_data(config, strategy)
        with traced_gradients_freed():
            return _train(config, folder, verbose, strategy, earlier, replan, data_sets)


def _earlier(folder, resume):
    earlier = earlier_run(folder) if resume else None
    if earlier is None and is_first():
        check_new(folder)
    return earlier


def _check_same_run(config, earlier, resume, replan):
    """Checks that all processes were started for the same run. The folders of data may differ between machines."""
    values = config.to_values()
    values["data"] = {key: value for key, value in values["data"].items() if key not in ("data_dir", "manual_dir")}
    position = earlier and earlier.checkpoint and str(earlier.checkpoint.position)
    check_agreement({**values, "resume": resume, "replan": replan, "last checkpoint": position})


def _train(config, folder, verbose, strategy, earlier, replan, data_sets):
    keras.utils.set_random_seed(config.seed)
    # A preparation of folders depends on these paths. A run that is resumed from another folder must find it.
    config = config.replace(data=absolute_folders(config.data))
    data_sets = data_sets or DataSets(config.data, tree_of(config.data))
    tree = data_sets.tree
    if earlier is not None:
        # Before the data are prepared, which takes long.
        earlier.check_values(config, unknown=SET_BY_DATA)
    checkpoint = earlier and earlier.checkpoint
    with strategy.scope():
        model, own_callbacks = make_parts(config, tree, pretrained=checkpoint is None)
        start = {} if config.init is None or checkpoint else {"init": _initialized(model, config)}
    given = config
    config = first_alone(lambda: with_data(given, data_sets))
    origin = origin_of(config, strategy, data_sets)
    check_agreement({"tree": tree.to_text(), "data": origin["data"], "versions": origin["versions"]})
    if earlier is not None:
        earlier.check_values(config)
        earlier.check_data(tree, origin)
    if checkpoint is None:
        start_at_prior(model, config, data_sets)
    train_data = load_training(config, data_sets)
    epochs = config.num_epochs(len(train_data))
    if earlier is not None and _has_no_epochs_left(earlier, epochs, len(train_data)):
        if verbose and is_first():
            print(f"{folder} is finished: it has no epochs left.")
        return load_run(folder, strategy)[1]
    _check_averaged(config.schedule, len(train_data))
    planned = epochs * len(train_data)
    if checkpoint is not None and not replan:
        planned = earlier.record.get("planned_batches", planned)
        _check_rate(config.schedule, planned // len(train_data), epochs)
    validation = load_evaluation(config, data_sets, config.evaluation.split, strategy)
    examples = load_examples(config, data_sets, config.evaluation.split, NUM_EXAMPLES)
    _warn_of_common_images(config, data_sets)
    with strategy.scope():
        compile_model(model, config, make_optimizer(config, num_batches=planned), config.jit_compile)

    manifest = None
    if is_first():
        manifest = _write_description(folder, config, data_sets, planned_batches=planned, **origin, **start)
    verbose = verbose if is_first() else 0
    if start and verbose:
        print(describe(start["init"]))
    if checkpoint is not None and verbose:
        print(f"{folder} is resumed after {checkpoint.position}.")
    callbacks = [data.SetEpoch(train_data), *_callbacks(config, tree, examples, folder, manifest), *own_callbacks]
    unsaved = _tensorboard(config, tree, examples, folder)
    with catching_signals() as request:
        checkpoints = _checkpoints(config, folder, callbacks, request, checkpoint, train_data, planned)
        callbacks = [*callbacks, *unsaved, *checkpoints, *excluding_blank_images(config, validation[0], strategy)]
        _fit(model, train_data, validation, epochs, config.evaluation.every, checkpoint, callbacks, verbose)
        if is_first():
            curves = folder / PICTURES / "curves.png"
            with OneWarning(curves), written_beside(curves) as path:
                draw_curves(folder / LOG, path)
            manifest.finish()
    return model


def _initialized(model, config):
    """Calls `initialize`, and checks that layers that stay frozen have weights of the earlier run."""
    needs_all = config.freeze is not None and has_random_weights(config.network)
    return initialize(model, config.init, needs_frozen=needs_all)


def _has_no_epochs_left(earlier, epochs, batches_per_epoch):
    """Returns whether an earlier run is finished. Raises `ValueError` if it cannot go on to so many epochs."""
    if earlier.checkpoint is not None:
        _check_length(earlier.checkpoint.position, epochs, batches_per_epoch)
    if not earlier.is_finished:
        return False
    # With early stopping, the training may have ended before its last epoch.
    if epochs <= earlier.config.num_epochs(batches_per_epoch):
        return True
    earlier.check_checkpoint()
    return False


def _write_description(folder, config, data_sets, **record):
    """Writes the files that describe a run, and returns its `Manifest`."""
    config.to_file(folder / CONFIG)
    write_whole(folder / TREE, data_sets.tree.to_text())
    write_whole(folder / CLASSES, f"{class_table(data_sets, config.evaluation_dataset)}\n")
    (folder / PICTURES).mkdir(exist_ok=True)
    return Manifest(folder, **record)


def _validated(every, epochs):
    """Returns the epochs, from 1, after which to validate."""
    return [epoch for epoch in range(1, epochs + 1) if every and epoch % every == 0 or epoch == epochs]


def _fit(model, train_data, validation, epochs, every, checkpoint, callbacks, verbose):
    validation_data, validation_steps = validation
    verbose, progress = progress_of(verbose)
    model.fit(
        train_data,
        validation_data=validation_data,
        validation_steps=validation_steps,
        validation_freq=_validated(every, epochs),
        epochs=epochs,
        initial_epoch=0 if checkpoint is None else checkpoint.position.epoch,
        shuffle=False,
        verbose=verbose,
        callbacks=[*callbacks, *progress],
    )


def _checkpoints(config, folder, callbacks, request, checkpoint, train_data, planned):
    """Returns the callbacks that restore and save checkpoints."""
    interval = None if config.save_every is None else parse_interval(config.save_every)
    position = None if checkpoint is None else checkpoint.position
    save = SaveCheckpoints(folder / CHECKPOINTS, interval, callbacks, request, config, position)
    return [save] if checkpoint is None else [RestoreCheckpoint(checkpoint, train_data, callbacks, planned), save]


def _check_length(position, epochs, batches_per_epoch):
    if position.batches_per_epoch != batches_per_epoch:
        raise ValueError(
            f"expected epochs of {position.batches_per_epoch} batches, as before. Received: {batches_per_epoch}. "
            "Restore the data and their splits, or train a new run from the weights of this one with `init`."
        )
    if epochs * batches_per_epoch < position.num_batches:
        raise ConfigError(
            [
                f"`schedule` expects at least the epochs that the run has begun, which are {position.epoch + 1}. "
                f"Received: {epochs} epochs."
            ]
        )


def _check_phases(config):
    if config.finds_clusters:
        raise ValueError(
            '`train` expects `method.clusters` of each stage. Received: "search". Use `train_hs3`, which finds them '
            "first, or pass `clusters=None` to supervise every stage on all classes."
        )


def _check_averaged(schedule, num_batches):
    """Checks that the first epoch has a step. Before it, the averages are zero, and validation would use them."""
    if schedule.ema_momentum is not None and schedule.accumulation_steps > num_batches:
        raise ValueError(
            f"`schedule.accumulation_steps` expects at most the number of batches in an epoch ({num_batches}) if "
            f"`schedule.ema_momentum` is set. Received: {schedule.accumulation_steps}."
        )


def check_before_data(config, strategy):
    """Checks a configuration for problems that would otherwise appear only after the data have been prepared.

    Raises:
        ConfigError: If the tree lacks classes of a data set, a callback would work against the run's own, frozen
            layers would have random weights, or early stopping has no validations.
        ValueError: If the configuration does not fit the number of replicas.
        ModuleNotFoundError: If `config.tensorboard` is set and TensorBoard is not installed.
    """
    if problems := list(training_conflicts(config)):
        raise ConfigError(problems)
    check_classes(config.data, config.evaluation_dataset)
    _warn_of_padding(config.data)
    check_strategy(strategy)
    check_jit_compile(config.jit_compile, strategy)
    check_batch_size(config.data.batch_size, strategy)
    check_precision(config.precision, strategy)
    if config.tensorboard:
        check_tensorboard()


def _warn_of_padding(data_config):
    """Warns if images are so much smaller than the crops that these are padding for the most part."""
    size, crop = data_config.size, data_config.crop_size
    if isinstance(size, tuple) and crop is not None and (ratio := math.prod(crop) / math.prod(size)) > _MOST_PADDED:
        warnings.warn(
            f"`data.crop_size` {crop} has {ratio:.0f} times the area of the images, {size}, so that most of each crop "
            "is padding. Choose a crop of the size of the images or smaller.",
            stacklevel=2,
        )


def _check_rate(schedule, planned, epochs):
    """Raises `ValueError` if a resumed run has more epochs than the learning rate's schedule, which ends at zero."""
    if planned < epochs and schedule.end_learning_rate == 0 and schedule.power > 0:
        raise ValueError(
            f"expected at most {planned} epochs, because the learning rate is 0 after them, where its schedule ends: "
            f"only the averages of batch normalization would change. Received: {epochs} epochs. Pass `replan=True` "
            "(--replan) to stretch the schedule over all epochs."
        )


def _warn_of_common_images(config, data_sets):
    """Warns if images of the validation are trained on."""
    values, name, split = config.data, config.evaluation_dataset, config.evaluation.split
    trained = [other for own, other in zip(values.names, values.splits) if own == name]
    if not trained:
        return
    for other in dict.fromkeys(trained):
        if have_common_records(data_sets.builder(name), other, split):
            warnings.warn(
                f"`evaluation.split` {split!r} has images of `data.train_split` {other!r}, so that the validation does "
                'not measure how well new images are predicted. Choose other images, such as "train[:90%]" and '
                '"train[90%:]".',
                stacklevel=2,
            )


def _tensorboard(config, tree, examples, folder):
    """Returns callbacks whose state is not saved, so that a resumed run may begin or cease to use them."""
    if not config.tensorboard or not is_first():
        return []
    return tensorboard_callbacks(tree, examples, folder / TENSORBOARD, node_colors(tree, palette_of(config.data)))


def _callbacks(config, tree, examples, folder, manifest):
    colors = node_colors(tree, palette_of(config.data))
    callbacks = [SeedEpochs(config.seed), keras.callbacks.TerminateOnNaN(), WriteLog(folder / LOG), AverageReplicas()]
    if config.schedule.ema_momentum is not None:
        # The callbacks after this one see the averaged weights at the end of an epoch.
        callbacks.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    patience = config.schedule.early_stopping_patience
    if patience is not None:
        callbacks.append(StopEarly(patience))
    monitor = None if patience is None else MONITOR
    callbacks.append(SaveWeights(folder / WEIGHTS, monitor, manifest and manifest.announce_weights))
    callbacks.append(DrawPredictions(tree, examples[:1], png_writer(folder / PICTURES), palette=colors))
    return callbacks
