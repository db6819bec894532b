"""Loads and evaluates a trained run from its folder."""

import contextlib
import os
import pathlib
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from hierseg_keras import data
from hierseg_keras.distribution.strategy import current_strategy
from hierseg_keras.files import write_whole, written_beside
from hierseg_keras.models import Calibrated, MultiScale, Resized, SlidingWindow
from hierseg_keras.models.weights.finite_weights import check_finite_weights
from hierseg_keras.models.weights.transferred_weights import transfer_weights
from hierseg_keras.training.build import (
    compile_model,
    excluding_blank_images,
    inference_jit,
    load_evaluation,
    make_model,
)
from hierseg_keras.training.config import RunConfig
from hierseg_keras.training.config.files import config_file
from hierseg_keras.training.data_sets import DataSets, flip_pairs_of, palette_of
from hierseg_keras.training.failing_pictures import OneWarning
from hierseg_keras.training.folder_claim import claimed
from hierseg_keras.training.manifest import TREE, WEIGHTS, check_files, missing_files
from hierseg_keras.training.optimizers import make_optimizer
from hierseg_keras.training.origin import warn_of_other_data
from hierseg_keras.training.progress_line import progress_of
from hierseg_keras.training.run_state import refuse_without, warn_if_unfinished
from hierseg_keras.training.temperature_file import load_temperature
from hierseg_keras.training.traced_gradients import traced_gradients_freed
from hierseg_keras.tree import ClassTree, TreeError
from hierseg_keras.visualization import draw_report

LOG, PICTURES, TENSORBOARD = "log.csv", "pictures", "tensorboard"
_TEXT, _TABLE, _PICTURE = "report.txt", "report.csv", "report.png"


def load_run(
    folder: str | os.PathLike, strategy: tf.distribute.Strategy | None = None, calibrated: bool = False
) -> tuple[RunConfig, keras.Model]:
    """Loads a run that `train` saved in a folder.

    If the run resizes images (`config.data.size`), the network expects images that are resized already.
    `for_inference(config, model)` makes it take images of any size.

    A run of an earlier version, which has no `run.json`, is loaded with a warning, and so is a run whose training was
    stopped or is still going on.

    Args:
        folder: The run's folder.
        strategy: `tf.distribute.Strategy` to create the network under. It may differ from the strategy of the
            training. Defaults to the current strategy, which outside of any scope is TensorFlow's for one device.
        calibrated: Whether to wrap the network in `models.Calibrated`, with the temperature that `calibrate_run`
            stored. Defaults to `False`.

    Returns:
        A pair `(config, model)`: the `RunConfig`, and the compiled `keras.Model` with the saved weights. `model.tree`
        is its `ClassTree`.

    Raises:
        FileNotFoundError: If the folder lacks a file of a run, or a temperature. The message names the missing files,
            or says that the run is unfinished.
        ValueError: If the configuration, the tree, the weights or the temperature were changed or damaged after they
            were saved, or the weights have changed since the temperature was fitted.
        FloatingPointError: If a weight is NaN or infinite.
    """
    folder = pathlib.Path(folder)
    missing = missing_files(folder)
    if missing:
        refuse_without(folder, missing)
    check_files(folder)
    warn_if_unfinished(folder)
    temperature = load_temperature(folder) if calibrated else None
    config = RunConfig.from_file(config_file(folder))
    with (strategy or current_strategy()).scope():
        model = make_model(config, ClassTree.from_file(folder / TREE), pretrained=False)
        # Loaded before `compile`, because the file also contains optimizer variables, which are not restored.
        model.load_weights(folder / WEIGHTS)
        check_finite_weights(model, f"loading {folder / WEIGHTS}")
        optimizer = make_optimizer(config, num_batches=config.schedule.accumulation_steps)
        compile_model(model, config, optimizer, inference_jit(config))
        if calibrated:
            model = Calibrated(model, temperature)
            compile_model(model, config, "sgd", inference_jit(config))
    return config, model


def for_inference(
    config: RunConfig,
    model: keras.Model,
    scales: Sequence[float] | None = None,
    flip: bool = False,
    window: tuple[int, int] | None = None,
    overlap: float | None = None,
    temperature: float | None = None,
    own_size: bool = False,
    attention_scales: Sequence[float] | None = None,
) -> keras.Model:
    """Wraps a run's network for predictions on new images.

    If the run resizes images (`config.data.size`), they are resized in the same way, and the scores back to the size
    of the image. Predictions can also be calibrated, or averaged over scales, horizontal flips or windows: those of the
    resized image.

    Args:
        config, model: As returned by `load_run`.
        scales: Factors by which the image is resized, as in `models.MultiScale`. Defaults to `None`, the
            original size only.
        flip: Whether to average with the prediction on the horizontal flip, in which the classes of the training data
            sets' `flip_pairs`, such as left and right arm, are swapped. Defaults to `False`.
        window: Pair `(H, W)`, the size of windows in pixels, as in `models.SlidingWindow`. Defaults to `None`, which
            predicts the whole image at once.
        overlap: Smallest share of a window that the next window overlaps, as in `models.SlidingWindow`. Defaults to
            that of `SlidingWindow`.
        temperature: Float by which the logits of each prediction are divided before they are averaged, as in
            `models.Calibrated`. `load_temperature` returns that of a run. Defaults to `None`, which is 1.
        own_size: Whether images are predicted at their own size even if the run resizes images; also for images that
            are resized already. Defaults to `False`.
        attention_scales: Factors that replace `scales` of a network with scale attention, such as `(0.5, 1.0, 2.0)`.
            Defaults to those of the training.

    Returns:
        `keras.Model` from images to logits, not compiled. It is `model` itself if the run does not resize images, and
        with default arguments.

    Raises:
        ValueError: If `attention_scales` is given and the network has no scale attention.
    """
    if attention_scales is not None:
        model = _with_attention_scales(config, model, attention_scales)
    if temperature is not None:
        model = Calibrated(model, temperature)
    if window is not None:
        model = SlidingWindow(model, window, **({} if overlap is None else {"overlap": overlap}))
    if scales is not None or flip:
        pairs = flip_pairs_of(config.data, model.tree) if flip else ()
        model = MultiScale(model, scales=(1.0,) if scales is None else scales, flip=flip, flip_pairs=pairs)
    return model if own_size or config.data.size is None else Resized(model, config.data.size)


def _with_attention_scales(config, model, scales):
    """Returns the network of a run with other scales and the same weights, whose shapes do not depend on scales."""
    if isinstance(model, Calibrated):
        return Calibrated(_with_attention_scales(config, model.model, scales), model.temperature)
    if not hasattr(config.network.made, "with_classifier"):
        raise ValueError(
            "`attention_scales` expects a run whose network has scale attention, such as `HRNetOCRScaleAttention`. "
            f"Received: {config.network.name}. Use `scales` to average over scales of the image."
        )
    made = make_model(config.replace(network={"scales": tuple(scales)}), model.tree, pretrained=False)
    if kept := transfer_weights(model, made).kept:
        raise ValueError(
            f"`attention_scales` expects the network of the run, as `load_run` returns it. Received: {model.name}, "
            f"without weights for {len(kept)} layers, such as {kept[0]}."
        )
    return getattr(made, "inference_model", made)


def evaluate_run(
    folder: str | os.PathLike,
    split: str | None = None,
    verbose: int | str = "auto",
    strategy: tf.distribute.Strategy | None = None,
    report: str | os.PathLike | None = None,
    dataset: str | None = None,
    class_map: data.ClassMap | str | os.PathLike | Mapping | None = None,
    **inference,
) -> dict[str, float]:
    """Evaluates a run's network on a split of the data set that it was validated on, or of another one.

    The classes of another data set are mapped to nodes of the run's tree. A label at an internal node counts at the
    levels at and above this node. As always, the mean IoU of a level is over the classes that are labeled or predicted:
    a class that the network predicts and the data set does not have is 0.

    Args:
        folder: The run's folder.
        split: TFDS split. Defaults to the run's validation split.
        verbose: As in `evaluate`, except that `"auto"` prints only loss and mIoU, and only in a terminal or notebook.
        strategy: As in `load_run`. If all images have the same size, the mIoU does not depend on the number of
            replicas. If they also have equally many labeled pixels, the loss does not depend on it either.
        report: Optional folder for a report by class and level: `report.txt`, `report.csv` and `report.png`. The
            folder is locked against other processes, and an earlier report is replaced.
        dataset: TFDS data set. Defaults to the data set that the run was validated on.
        class_map: The node of each class id of `dataset`, as a value of `class_maps` in `data.load`: a `ClassMap`, the
            path of its file, or a dict. Defaults to `None`: each class is the node of the same path, or of the same
            name if only one node has it.
        **inference: `scales`, `flip`, `window`, `overlap`, `temperature` and `attention_scales`, as in `for_inference`.

    Returns:
        Dict from the name of a metric to its value, as returned by `evaluate(return_dict=True)`.

    Raises:
        FileExistsError: If another process writes to the folder `report`, or it has a file of the same name that is no
            part of an earlier report.
        FileNotFoundError, ValueError, FloatingPointError: As in `load_run`.
        ValueError: If a class of `dataset` is no node of the run's tree, and there is no `class_map`.
    """
    report = None if report is None else pathlib.Path(report)
    with contextlib.nullcontext() if report is None else claimed(report), traced_gradients_freed():
        if report is not None:
            _check_report(report)
        return _evaluate(folder, split, verbose, strategy, report, dataset, class_map, inference)


def _evaluate(folder, split, verbose, strategy, report, dataset, class_map, inference):
    folder, strategy = pathlib.Path(folder), strategy or current_strategy()
    config, model = load_run(folder, strategy)
    data_sets = DataSets(config.data, model.tree)
    dataset, split = dataset or config.evaluation_dataset, split or config.evaluation.split
    if dataset == config.evaluation_dataset:
        warn_of_other_data(folder, config, data_sets)
    with _naming_class_map(dataset, class_map):
        examples, steps = load_evaluation(config, data_sets, split, strategy, dataset, class_map)
    with strategy.scope():
        # The data set's images are resized already.
        model = for_inference(config, model, **inference, own_size=True)
        by_class = compile_model(model, config, "sgd", inference_jit(config))
    verbose, progress = progress_of(verbose)
    callbacks = [*progress, *excluding_blank_images(config, examples, strategy)]
    values = model.evaluate(examples, steps=steps, return_dict=True, verbose=verbose, callbacks=callbacks)
    if report is not None:
        _write_report(by_class, report, palette_of(config.data, folder))
    return values


@contextlib.contextmanager
def _naming_class_map(name, class_map):
    """Adds the way out to an error about classes that the tree does not have: a class table."""
    try:
        yield
    except TreeError as error:
        missing = [problem for problem in error.problems if problem.startswith("class id ")]
        if class_map is not None or not missing:
            raise
        raise ValueError(
            "`dataset` expects a data set with the classes of the run's tree, or one with a `class_map`. Received: "
            f"{name}, {len(missing)} of whose classes are not in the tree, such as {missing[0].rstrip('.?')}. Give "
            "every class a node, or ignore, in a class table: a CSV file with the columns id,class,node."
        ) from None


def _check_report(folder):
    """Checks that no file but those of an earlier report is replaced. A report may lack its picture."""
    found = [folder / name for name in (_TEXT, _TABLE, _PICTURE) if (folder / name).exists()]
    if found and not ((folder / _TEXT).exists() and (folder / _TABLE).exists()):
        raise FileExistsError(
            f"`report` expects a folder without {_TEXT}, {_TABLE} and {_PICTURE}, or that of an earlier report. "
            f"Received: {found[0]}, which is no part of a report. Choose another folder, or move the file."
        )


def _write_report(by_class, folder, palette):
    write_whole(folder / _TEXT, by_class.to_text() + "\n")
    with written_beside(folder / _TABLE) as path:
        by_class.to_csv(path)
    picture = folder / _PICTURE
    with OneWarning(picture), written_beside(picture) as path:
        draw_report(by_class.tree, by_class.rows(), path, palette)
