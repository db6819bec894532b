"""Writes the report page of runs from their folders."""

import json
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence

from hierseg_keras.data.example_names import example_names
from hierseg_keras.distribution.processes import num_batch_devices
from hierseg_keras.distribution.strategy import check_outside_scope, current_strategy
from hierseg_keras.training.build import compile_model, inference_jit, load_evaluation
from hierseg_keras.training.checkpoints.earlier_run import MAY_CHANGE
from hierseg_keras.training.config import RunConfig
from hierseg_keras.training.config.changes import dotted_values
from hierseg_keras.training.config.checks import FOLDERS
from hierseg_keras.training.config.files import config_file
from hierseg_keras.training.data_sets import DataSets, palette_of
from hierseg_keras.training.manifest import TREE, is_finished, missing_files, saved_epoch
from hierseg_keras.training.origin import warn_of_other_data
from hierseg_keras.training.run_state import refuse_without
from hierseg_keras.training.saved_run import LOG, for_inference, load_run
from hierseg_keras.training.temperature_file import load_temperature
from hierseg_keras.training.traced_gradients import traced_gradients_freed
from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization import ReportedRun, report_page
from hierseg_keras.visualization.page.report_page import MAX_IMAGES, check_replaceable

# Values that two runs of one configuration may differ in. The length of the training is not one of them. Trees are
# compared by content.
_LENGTH = ("schedule.epochs", "schedule.steps")
_NOT_COMPARED = ("seed", "data.tree", *(name for name in MAY_CHANGE if name not in _LENGTH))
# What makes the data set `folders`.
_OF_FOLDERS = ("images", "masks", "mask_format", "classes", "val_share", "val_images", "val_masks", "groups")


def report_runs(
    folders: Sequence[str | os.PathLike],
    path: str | os.PathLike,
    split: str | None = None,
    max_images: int = MAX_IMAGES,
    overwrite: bool = False,
    calibrated: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    **inference,
) -> pathlib.Path:
    """Evaluates runs and writes a page that shows what they predict, with `visualization.report_page`.

    The values are those of `evaluate_run`. The runs are loaded and evaluated one after the other. Finished runs whose
    configurations differ only in the seed show how much the seed alone changes.

    Args:
        folders: List of the runs' folders. The page shows them in this order.
        path: Folder to create.
        split: TFDS split. Defaults to the runs' validation split.
        max_images, overwrite: As in `report_page`.
        calibrated: Whether to divide logits by the temperature that `calibrate_run` stored in each run. Defaults to
            `False`.
        on_progress: Function that is called with the number of images that are evaluated, and the number of all images
            of all runs. Defaults to `None`.
        **inference: `scales`, `flip`, `window`, `overlap` and `attention_scales`, as in `for_inference`.

    Returns:
        `pathlib.Path` of `index.html`.

    Raises:
        FileExistsError: As in `report_page`.
        FileNotFoundError, FloatingPointError: As in `load_run`.
        ValueError: If there is no run, or a run twice; or if the runs differ in their class tree, data set, or split.
            Also as in `load_run`, or on several devices.
    """
    _check_one_device()
    folders = [pathlib.Path(folder) for folder in folders]
    check_replaceable(pathlib.Path(path), overwrite)
    split = _common_split(folders, split)
    palette = palette_of(RunConfig.from_file(config_file(folders[0])).data, folders[0])
    runs = _reported(folders, split, calibrated, on_progress, inference)
    with traced_gradients_freed():
        return report_page(runs, path, max_images, palette, overwrite)


def _check_one_device():
    check_outside_scope("report_runs")
    if num_batch_devices() > 1:
        raise ValueError(
            f"`report_runs` expects one device. Received: a distribution over {num_batch_devices()} devices. Write the "
            "page in a process of its own."
        )


def _common_split(folders, split):
    """Checks that runs can be compared, before any of them is evaluated, and returns their split."""
    if not folders or len({os.path.realpath(folder) for folder in folders}) < len(folders):
        raise ValueError(f"`report_runs` expects one or several different runs. Received: {_joined(folders)}.")
    for folder in folders:
        if missing := missing_files(folder):
            refuse_without(folder, missing)
    configs = [RunConfig.from_file(config_file(folder)) for folder in folders]
    _check_equal("class tree", folders, [ClassTree.from_file(folder / TREE) for folder in folders], "Write a page each")
    _check_equal("data set", folders, [_evaluated_data(config) for config in configs], "Write a page each")
    splits = [split or config.evaluation.split for config in configs]
    _check_equal("split", folders, splits, "Pass `split`")
    return splits[0]


def _check_equal(what, folders, values, advice):
    for folder, value in zip(folders, values):
        if value != values[0]:
            shown = f" ({values[0]} and {value})" if isinstance(value, str) else ""
            raise ValueError(
                f"`report_runs` expects runs with one {what}. Received: {folders[0]} and {folder}, which differ"
                f"{shown}. {advice}."
            )


def _evaluated_data(config):
    """Returns a text that identifies the data set that a run is validated on."""
    name = config.evaluation_dataset
    if name != FOLDERS:
        return name
    return f"{name}: {json.dumps({key: getattr(config.data, key) for key in _OF_FOLDERS})}"


def _reported(folders, split, calibrated, on_progress, inference) -> Iterator[ReportedRun]:
    """Yields each run, ready to be evaluated. A run is loaded when it is asked for."""
    seeds, data_sets = set(), None
    for place, (folder, name) in enumerate(zip(folders, _names(folders))):
        config, model = load_run(folder)
        unfinished = None if is_finished(folder) else f"unfinished, {_epoch_of(folder)}"
        # A repeat of a seed, and a shorter training, do not show how much the seed changes.
        configuration = without_seed(config)
        is_comparable = unfinished is None and (configuration, config.seed) not in seeds
        if is_comparable:
            seeds.add((configuration, config.seed))
        sources = config.data, model.tree
        data_sets = DataSets(*sources) if data_sets is None else data_sets.for_run(*sources)
        warn_of_other_data(folder, config, data_sets)
        builder = data_sets.builder(config.evaluation_dataset)
        temperature = load_temperature(folder) if calibrated else None
        # The data set's images are resized already.
        model = for_inference(config, model, **inference, temperature=temperature, own_size=True)
        report = compile_model(model, config, "sgd", inference_jit(config))
        examples, _ = load_evaluation(config, data_sets, split, current_strategy())
        image_names = example_names(builder, split)
        progress = _Progress(on_progress, place * len(image_names), len(folders) * len(image_names))
        yield ReportedRun(
            name,
            report,
            _predicted(model, examples, progress),
            image_names=image_names,
            data_set=f"{builder.info.full_name}, {split}",
            facts=_facts(config, report.scores, unfinished),
            log=folder / LOG if (folder / LOG).is_file() else None,
            configuration=configuration if is_comparable else None,
        )


class _Progress:
    """Adds up images that are done, and tells `on_progress`, unless it is `None`."""

    def __init__(self, on_progress, num_done, num_images):
        self._on_progress, self._num_done, self._num_images = on_progress, num_done, num_images

    def add(self, count):
        self._num_done += count
        if self._on_progress is not None:
            self._on_progress(self._num_done, self._num_images)


def _predicted(model, examples, progress):
    for images, labels in examples:
        # Compiled as `evaluate` compiles it, so that both round alike.
        images = images.numpy()
        yield images, labels.numpy(), model.predict_on_batch(images)
        progress.add(len(images))


def _names(folders):
    """Returns the shortest ends of the folders' paths that differ."""
    parts = [folder.resolve().parts for folder in folders]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-count:]) for part in parts]
        if len(set(names)) == len(names):
            break
    return names


def _epoch_of(folder):
    epoch = saved_epoch(folder)
    return "of an unknown epoch" if epoch is None else f"after epoch {epoch}"


def _facts(config, scores, unfinished):
    network, schedule = config.network, config.schedule
    backbone = getattr(network, "backbone", None)
    count, unit = (schedule.epochs, "epoch") if schedule.steps is None else (schedule.steps, "step")
    facts = {
        "method": None if config.method is None else config.method.name,
        "network": f"{network.name}, {backbone}" if isinstance(backbone, str) else network.name,
        "loss": " + ".join([config.loss.name, *(loss.name for loss in config.further_losses)]),
        "scores": f"one per {'node' if scores == 'nodes' else 'leaf'}",
        "training": f"{count} {unit}{'' if count == 1 else 's'}",
        "state": unfinished,
        "seed": str(config.seed),
    }
    return {key: value for key, value in facts.items() if value is not None}


def without_seed(config):
    """Returns a text that is equal for runs whose configurations differ only in the seed, and in where they ran."""
    values = {name: value for name, value in dotted_values(config.to_values()) if name not in _NOT_COMPARED}
    return json.dumps(values, sort_keys=True, default=str)


def _joined(folders):
    return ", ".join(map(str, folders)) or "none"
