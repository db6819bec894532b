"""Runs HS3's phases: trains a network with deep supervision, finds clusters with it, and trains a network on them."""

import contextlib
import csv
import os
import pathlib
import shutil

import keras
import tensorflow as tf

from hierseg_keras import data
from hierseg_keras.clustering import constant_ratio_sizes
from hierseg_keras.distribution.processes import process_count
from hierseg_keras.distribution.strategy import check_outside_scope, current_strategy
from hierseg_keras.models.heads.stage_heads import stage_prefix
from hierseg_keras.models.wrappers.stage_clusters import leaf_names
from hierseg_keras.training.build import load_held_out, make_parts, tree_of
from hierseg_keras.training.checkpoints.earlier_run import CHECKPOINTS
from hierseg_keras.training.config import RunConfig
from hierseg_keras.training.config.changes import differences
from hierseg_keras.training.config.checks import with_effect
from hierseg_keras.training.config.files import CONFIG, config_file
from hierseg_keras.training.config.problems import shown
from hierseg_keras.training.data_sets import DataSets, absolute_folders
from hierseg_keras.training.failing_pictures import OneWarning
from hierseg_keras.training.folder_claim import claimed
from hierseg_keras.training.manifest import WEIGHTS
from hierseg_keras.training.run import train_on
from hierseg_keras.training.run_state import check_new
from hierseg_keras.training.saved_run import load_run
from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization import draw_trade_offs, draw_tree

DEEP_SUPERVISION, CLUSTERS, HS3_RUN = "deep_supervision", "clusters", "hs3"
# Two classes have no clusters but themselves.
_LEAST_CLASSES = 3


def train_hs3(
    config: RunConfig,
    folder: str | os.PathLike,
    verbose: int | str = "auto",
    strategy: tf.distribute.Strategy | None = None,
) -> keras.Model:
    """Finds clusters of classes for a network's stages, and trains the network on them.

    1. Trains a network whose stages are supervised on all classes, on the training split without its last
       `config.method.analysis_share`. The run is saved in `deep_supervision/`. Of several data sets, each is split. For
       k-means on regions the stages are also fused, because only the blocks of `fuse` have regions.
    2. Computes a confusion matrix per stage on that share, clusters the classes that are confused, and selects
       the number of clusters by the trade-off. `clusters/` contains one tree file per stage, and the curves as
       `trade_offs.csv` and `trade_offs.png`.
    3. Trains a new network on the whole split, with stages supervised on their clusters. The run is saved in
       `hs3/`.

    Left open by the paper: which images are held out (here the last ones of the split, whose order is random), and
    whether both phases train equally long (here they do).

    A completed phase is not repeated, and an interrupted training goes on from its last checkpoint, as with
    `train(..., resume=True)`. To resume an interrupted run, call the function again. You may edit the tree files
    between phases 2 and 3.

    Args:
        config: `RunConfig` of the method `HS3` with `clusters="search"`, the default.
        folder: Path that does not exist yet, an empty folder, or the folder of an interrupted run with the same
            configuration.
        verbose: As in `train`.
        strategy: As in `train`.

    Returns:
        The trained `keras.Model`, compiled.

    Raises:
        FileExistsError: If the folder contains anything else, or another process trains into it. Its files are not
            changed.
        ValueError: If the method is not `HS3` with `clusters="search"`, the tree has fewer than 3 leaves, or the
            folder's configuration is a different one; or in the scope of several replicas: pass their strategy instead.
    """
    folder = pathlib.Path(folder)
    if not config.finds_clusters:
        raise ValueError(
            '`train_hs3` expects a configuration of the method `HS3` with clusters="search". Received: '
            f"method={config.method and config.method.name}, "
            f"clusters={shown(getattr(config.method, 'clusters', None))}. Use `train` for that configuration."
        )
    if process_count() > 1:
        raise ValueError(
            'finding the clusters of `HS3` expects a single process. Received: `method.clusters` "search" with '
            f"{process_count()} processes. Train in one process, or pass the clusters of an earlier search."
        )
    check_outside_scope("train_hs3")
    config = config.replace(data=absolute_folders(config.data))
    with claimed(folder):
        _check_configuration(folder, config)
        return _train_phases(config, folder, verbose, strategy)


def _train_phases(config, folder, verbose, strategy):
    method, data_sets = config.method, DataSets(config.data, tree_of(config.data))
    num_leaves = data_sets.tree.num_leaves
    if num_leaves < _LEAST_CLASSES:
        raise ValueError(
            f"finding the clusters of `HS3` expects a tree of {_LEAST_CLASSES} leaves or more. Received: {num_leaves}. "
            "Set `method.clusters` to false, which supervises the stages on all classes."
        )
    # Only the blocks of `fuse` have the representations of regions.
    wants_regions = method.fuse if method.embeddings is None else method.embeddings == "regions"
    all_classes = {"clusters": None, "fuse": method.clustering == "kmeans" and wants_regions}
    if not (folder / DEEP_SUPERVISION).exists():
        # Made only to find invalid options before the data are prepared.
        make_parts(config.replace(method=all_classes), data_sets.tree)
    reduced, analysis = _split_off(data_sets, method.analysis_share)
    reduced_data = {"train_split": reduced if len(reduced) > 1 else reduced[0]}
    # The published results are those of the last phase.
    deep = with_effect(config.replace(method=all_classes, data=reduced_data, published=[]))
    with _recorded(config, folder):
        _once(
            folder / DEEP_SUPERVISION,
            lambda path: train_on(deep, path, verbose, strategy, resume=True, data_sets=data_sets),
        )
    _once(folder / CLUSTERS, lambda path: _find_clusters(config, folder / DEEP_SUPERVISION, data_sets, analysis, path))
    files = [folder / CLUSTERS / f"{stage_prefix(stage)}.txt" for stage in method.stages]
    # Read as trees, so that an error in an edited file names it.
    final = with_effect(config.replace(method={"clusters": [ClassTree.from_file(file).to_text() for file in files]}))
    _once(folder / HS3_RUN, lambda path: train_on(final, path, verbose, strategy, resume=True, data_sets=data_sets))
    _, model = load_run(folder / HS3_RUN, strategy)
    return model


def _split_off(data_sets, share):
    """Splits off a share of every data set's training split. Returns two lists of splits, as `data.split_off` does."""
    builders = map(data_sets.builder, data_sets.values.names)
    parts = [data.split_off(builder, split, share) for builder, split in zip(builders, data_sets.values.splits)]
    return [rest for rest, _ in parts], [part for _, part in parts]


def _check_configuration(folder, config):
    """Checks that a folder is new, or belongs to a run with the same configuration."""
    if not config_file(folder).is_file():
        check_new(folder)
        return
    earlier = RunConfig.from_file(config_file(folder))
    earlier = earlier.replace(data=absolute_folders(earlier.data))
    pairs = differences(earlier.to_values(), config.to_values())
    changed = {name: f"{before!r} -> {now!r}" for name, (before, now) in pairs.items()}
    if changed:
        raise ValueError(
            f"expected the configuration that {folder} was started with. Received: {changed}. Choose another folder."
        )


@contextlib.contextmanager
def _recorded(config, folder):
    """Writes the configuration. If the block raises an error before it has saved weights, it leaves no new file.

    The folder can then be used with a corrected configuration.
    """
    is_new = not config_file(folder).is_file()
    config.to_file(folder / CONFIG)
    try:
        yield
    except BaseException:
        unfinished = _unfinished(folder / DEEP_SUPERVISION)
        if is_new and not any((unfinished / name).exists() for name in (WEIGHTS, CHECKPOINTS)):
            shutil.rmtree(unfinished, ignore_errors=True)
            (folder / CONFIG).unlink()
        raise


def _unfinished(path):
    """Returns the temporary path of a phase's folder."""
    return path.with_name(f"unfinished.{path.name}")


def _once(path, make):
    """Makes a folder unless it exists. It has a temporary name until it is complete.

    `make` gets the temporary folder as an earlier call left it.
    """
    if path.exists():
        return
    unfinished = _unfinished(path)
    make(unfinished)
    unfinished.rename(path)


def _find_clusters(config, run, data_sets, splits, folder):
    """Finds the clusters of each stage, and writes them and the trade-offs that selected them."""
    # Its configuration has the size of the images on which the network was trained.
    trained, model = load_run(run)
    data_sets = data_sets.for_run(trained.data, model.tree)
    examples, _ = load_held_out(trained, data_sets, splits, current_strategy())
    found = model.search(examples, config.method.clustering, config.method.embeddings)
    sizes = _sizes(config, found)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for stage, trade_off in found.items():
        tree = ClassTree.from_clusters(leaf_names(model.tree), trade_off.clusterings[sizes[stage]])
        (folder / f"{stage_prefix(stage)}.txt").write_text(tree.to_text(), "utf-8")
        with OneWarning(f"The clusters of {stage}"):
            draw_tree(tree, folder / f"{stage_prefix(stage)}.png")
    with OneWarning(folder / "trade_offs.png"):
        draw_trade_offs(found, sizes, folder / "trade_offs.png")
    _write_trade_offs(found, sizes, folder / "trade_offs.csv")


def _sizes(config, found):
    """Returns a dict from stage to its number of clusters."""
    if config.method.ratio is None:
        return {stage: trade_off.size(config.method.theta) for stage, trade_off in found.items()}
    num_classes = next(iter(found.values())).num_classes
    wanted = constant_ratio_sizes(num_classes, len(found), config.method.ratio)
    return {stage: _nearest(trade_off, size) for (stage, trade_off), size in zip(found.items(), wanted)}


def _nearest(trade_off, size):
    """Returns the largest number of clusters up to `size` that was reached, or else the smallest one."""
    return max((each for each in trade_off.clusterings if each <= size), default=min(trade_off.clusterings))


def _write_trade_offs(found, sizes, path):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["stage", "classes", "miou", "degrees", "chosen"])
        for stage, trade_off in found.items():
            for size in sorted(trade_off.mean_ious):
                values = f"{trade_off.mean_ious[size]:.4f}", f"{trade_off.angle(size):.2f}"
                writer.writerow([stage, size, *values, int(size == sizes[stage])])
