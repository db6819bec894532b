"""Checks of a configuration that involve several of its tables."""

import keras
import numpy as np

from hierseg_keras.training.config.options import accepted_by
from hierseg_keras.training.config.problems import nearest, shown
from hierseg_keras.tree import ClassTree

# The data set of the folders `data.images` and `data.masks`.
FOLDERS = "folders"
_FOLDER_KEYS = "images masks mask_format classes val_share val_images val_masks groups".split()
# The options of a method that only the search for clusters uses.
_SEARCH_OPTIONS = ("theta", "ratio", "analysis_share", "clustering", "embeddings")
# The options of a method that only its triplets use.
_TRIPLET_OPTIONS = ("beta", "beta_schedule", "total_steps", "embedding", "projection_filters")
# Options of optimizers that Keras does not check.
_CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")
_DECAYS = ("beta_1", "beta_2", "adam_beta_1", "adam_beta_2", "rho")
# Used to check a loss's options before the run's own tree is read.
_SOME_TREE = ClassTree(["a/b", "a/c", "d"])


def conflicts(config):
    """Finds values that are valid by themselves but not in combination.

    Args:
        config: `RunConfig`.

    Returns:
        List of messages of one line each. A message names every key that is involved, as `` `network.name` ``.
    """
    checks = (_depth, _loss, _method, _stages, _search, _start, _scale_range, _sources, _shares, _folders)
    return [message for check in checks for message in check(config)]


def training_conflicts(config):
    """Yields a message per combination of values that a new training refuses. Finished runs may have them."""
    yield from _callbacks(config)
    yield from _optimizer(config)
    yield from _without_effect(config)
    yield from _coarse_labels(config)
    if config.data.skip_bad and not _has_folders(config):
        yield (
            f'`data.skip_bad` expects the data set "{FOLDERS}", because a training prepares other data sets whole. '
            f"Received: True for {shown(config.data.dataset)}. Omit it, and prepare the data set before with `hierseg "
            "data NAME --prepare --skip-bad`."
        )
    if config.freeze is not None and config.init is None and has_random_weights(config.network):
        yield (
            "`freeze` expects `init` or pretrained weights of the network (`network.weights`), because random layers "
            f'do not learn if they are frozen. Received: "{config.freeze}" with neither.'
        )
    if config.schedule.early_stopping_patience is not None and config.evaluation.every is None:
        yield (
            "`evaluation.every` expects a number of epochs with `schedule.early_stopping_patience`, which counts "
            f"validations. Received: false with {config.schedule.early_stopping_patience}."
        )


def with_effect(config):
    """Returns a configuration in which options of the method that have no effect have their defaults."""
    names = _unused_options(config.method)
    if not names:
        return config
    return config.replace(method={name: _default_of(config.method, name) for name in names})


def _unused_options(method):
    """Returns a dict from the options of a method that have no effect to what each of them expects."""
    if hasattr(method, "triplet"):
        return _unused_options_of_triplets(method)
    if not hasattr(method, "clustering"):
        return {}
    is_search = method.clusters == "search"
    unused = {}
    if not is_search:
        clusters = "false" if method.clusters is None else shown(method.clusters)
        # Braces of the texts of trees are not fields to fill in.
        clusters = clusters.replace("{", "{{").replace("}", "}}")
        reason = f'`method.clusters` "search", which alone uses it. Received: {{}} with {clusters}.'
        unused = dict.fromkeys(_SEARCH_OPTIONS, reason)
    elif method.ratio is not None:
        unused["theta"] = f"no `method.ratio`, which is used in its place. Received: {{}} with {method.ratio}."
    # The deep supervision before k-means of regions has fused blocks in any case.
    has_blocks = method.fuse or (is_search and method.clustering == "kmeans" and method.embeddings == "regions")
    if not has_blocks:
        unused["filters"] = "`method.fuse`, whose blocks have these channels. Received: {} without it."
    return unused


def _unused_options_of_triplets(method):
    if method.triplet is False:
        return dict.fromkeys(_TRIPLET_OPTIONS, "`method.triplet`, to which it belongs. Received: {} without it.")
    if method.beta_schedule == "constant":
        return {"total_steps": '`method.beta_schedule` "cosine", which alone uses it. Received: {} with "constant".'}
    return {}


def _without_effect(config):
    """Yields a message per option that is given, but has no effect."""
    values, schedule = config.data, config.schedule
    if values.weights is not None and len(values.names) == 1:
        yield (
            "`data.weights` expects several data sets, from which images are drawn by these weights. Received: "
            f"{shown(values.weights)} for {shown(values.dataset)}. Omit it."
        )
    if schedule.power == 0 and schedule.end_learning_rate != _default_of(schedule, "end_learning_rate"):
        yield (
            "`schedule.end_learning_rate` expects `schedule.power` above 0, because the learning rate is constant "
            f"otherwise. Received: {schedule.end_learning_rate} with 0. Omit it."
        )
    for name, expected in _unused_options(config.method).items():
        value = getattr(config.method, name)
        if value != _default_of(config.method, name):
            yield f"`method.{name}` expects {expected.format(shown(value))} Omit it."


def _coarse_labels(config):
    """Yields a message if the labels are of a coarser level than a flat crossentropy can use."""
    levels, method = config.data.label_levels, getattr(config.method, "name", None)
    # Mask classification has a loss of its own for training.
    if config.loss.name == "SparseCategoricalCrossentropy" and method != "MaskClassification" and np.max(levels) > 1:
        yield (
            "`data.label_levels` expects 1 for `loss.name` SparseCategoricalCrossentropy, which has no value for "
            f"labels at internal nodes. Received: {shown(levels)}. Choose HierarchicalCrossentropy."
        )


def _default_of(table, name):
    return type(table).model_fields[name].default


def _optimizer(config):
    """Yields a message per option of an optimizer of Keras with which it would diverge or go uphill."""
    if ":" in config.optimizer.name:
        return
    for name, value in config.optimizer.arguments().items():
        if name in _CLIPS and value is not None and not value > 0:
            yield f"`optimizer.{name}` expects a number above 0, or false. Received: {shown(value)}."
        if name in _DECAYS and not 0 <= value < 1:
            yield f"`optimizer.{name}` expects a number of at least 0 and below 1. Received: {shown(value)}."


def has_random_weights(network):
    """Returns whether a network starts from random weights. A class of the user may load weights itself."""
    return ":" not in network.name and getattr(network, "weights", None) is None


def _callbacks(config):
    """Yields a message per callback of Keras that would work against a run's own."""
    for callback in config.callbacks:
        made, options = callback.made, callback.arguments()
        if issubclass(made, (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)):
            yield (
                "`callbacks` expects classes that leave the learning rate to `schedule.power` and "
                f"`schedule.end_learning_rate`. Received: {callback.name}."
            )
        if not issubclass(made, keras.callbacks.EarlyStopping):
            continue
        if options.get("restore_best_weights") or config.schedule.ema_momentum is not None:
            yield (
                f"`callbacks` expects {callback.name} without `restore_best_weights` and `schedule.ema_momentum`, "
                "because the run saves other weights. Received: one of them. Set `schedule.early_stopping_patience`, "
                "which saves the best weights."
            )


def takes_depth(network):
    """Returns whether the network's class has the argument `depth_channels`."""
    return "depth_channels" in accepted_by(network.made)


def with_stages(config):
    """Returns the method. If it supervises stages but names none, they are set to the network's default stages."""
    method = config.method
    if getattr(method, "stages", ()) is not None:
        return method
    return method.model_copy(update={"stages": tuple(_default_stages(config.network))})


def _depth(config):
    if (config.data.max_depth is not None) != takes_depth(config.network):
        yield (
            "`data.max_depth` expects meters for a network with a depth input, and false for other networks. Received: "
            f"{config.data.max_depth} for `network.name` {config.network.name}."
        )


def _loss(config):
    if not hasattr(config.loss.made, "scores"):
        yield (
            '`loss.name` expects a class whose attribute `scores` is "nodes" or "leaves". Received: '
            f"{config.loss.name}, which has none."
        )
    elif ":" not in config.loss.name:
        # Only options that do not depend on the number of classes are checked here.
        options = {name: value for name, value in config.loss.arguments().items() if isinstance(value, (str, float))}
        options.pop("class_weights", None)
        try:
            config.loss.made(_SOME_TREE, **options)
        except (ValueError, TypeError) as error:
            yield f"`loss.name` expects other options for {config.loss.name}. {error}"


def _method(config):
    method = getattr(config.method, "made", None)
    scores, received = getattr(method, "required_scores", None), getattr(config.loss.made, "scores", None)
    if scores is not None and received not in (scores, None):
        yield (
            f"`loss.name` expects a loss on scores of {scores} for `method.name` {config.method.name}, such as "
            f"SparseCategoricalCrossentropy, which is measured in evaluation. Received: {config.loss.name}, a loss on "
            f"scores of {received}."
        )
    if config.jit_compile is True and not getattr(method, "compiles_with_xla", True) and _is_tensorflow():
        yield (
            f'`jit_compile` expects false or "auto" for `method.name` {config.method.name}, a part of which runs on '
            "the host, so that XLA cannot compile it. Received: True."
        )


def _is_tensorflow():
    return keras.backend.backend() == "tensorflow"


def _search(config):
    """The options of a search that do nothing, or that fail only after the first of its trainings."""
    method = config.method
    if not hasattr(method, "clustering"):
        return
    if method.embeddings and method.clustering != "kmeans":
        yield (
            '`method.embeddings` expects `method.clustering` "kmeans", which clusters embeddings. Received: '
            f'"{method.embeddings}" with "{method.clustering}".'
        )
    if method.theta != "origin" and not 0 <= method.theta <= 90:
        yield f'`method.theta` expects an angle from 0 to 90 degrees, or "origin". Received: {method.theta:g}.'


def _start(config):
    if config.class_prior and config.init is not None:
        yield (
            "`class_prior` expects false for a run with `init`, because the classifier may take the weights of the "
            f'earlier run. Received: True with "{config.init}".'
        )


def _stages(config):
    method = config.method
    if not hasattr(method, "stages"):
        return
    try:
        stages = method.stages or _default_stages(config.network)
    except ValueError as error:
        yield f"`network` expects other options for {config.network.name}. {error}"
        return
    if not stages:
        yield (
            f"`method.stages` expects the names of the layers to supervise, because `network.name` "
            f"{config.network.name} has no default stages. Received: {method.stages}."
        )
    elif len(set(stages)) < len(stages):
        yield f"`method.stages` expects names of different layers. Received: {stages}."
    elif isinstance(method.clusters, tuple) and len(method.clusters) != len(stages):
        yield (
            f"`method.clusters` expects one entry per stage in `method.stages` ({len(stages)}). Received: "
            f"{shown(method.clusters)}."
        )


def _default_stages(network):
    """Returns the names of the layers that are supervised by default, or `None`. Some depend on a network's options."""
    stages = getattr(network.made, "supervised_stages", None)
    return stages(**network.arguments()) if callable(stages) else stages


def _scale_range(config):
    scale_range = config.data.scale_range
    if scale_range is not None and scale_range[0] > scale_range[1]:
        yield f"`data.scale_range` expects the smaller factor first. Received: {scale_range}."


def _sources(config):
    count = len(config.data.names)
    if count == 0:
        yield "`data.dataset` expects at least one data set. Received: ()."
        return
    for key in ("train_split", "batch_shares", "weights", "label_levels"):
        values = getattr(config.data, key)
        if isinstance(values, tuple) and len(values) != count:
            yield (
                f"`data.{key}` expects one value per data set in `data.dataset` ({count}). Received: {shown(values)}."
            )


def _shares(config):
    values = config.data
    if values.batch_shares is None:
        return
    if values.weights is not None:
        yield (
            "`data.weights` expects false with `data.batch_shares`, because either one determines how often each data "
            f"set is drawn from. Received: {shown(values.weights)} and {shown(values.batch_shares)}."
        )
    if len(values.batch_shares) == len(values.names) and sum(values.batch_shares) != values.batch_size:
        yield (
            f"`data.batch_shares` expects integers whose sum is `data.batch_size` ({values.batch_size}). Received: "
            f"{shown(values.batch_shares)}, whose sum is {sum(values.batch_shares)}."
        )


def _has_folders(config):
    values = config.data
    return FOLDERS in (*values.names, config.evaluation_dataset if values.names else None)


def _folders(config):
    values = config.data
    given = [key for key in _FOLDER_KEYS if getattr(values, key) is not None]
    if not _has_folders(config):
        if given and "images" not in given and values.dataset == _default_of(values, "dataset"):
            yield (
                f"`data.images` expects the folder of the images, with {', '.join(f'`data.{key}`' for key in given)}. "
                "Received: none."
            )
        elif given:
            yield (
                f'`data.dataset` expects "{FOLDERS}", alone or in a list, with '
                f"{', '.join(f'`data.{key}`' for key in given)}. Received: {shown(values.dataset)}."
            )
        return
    needed = {"images": "the folder of the images", "masks": "the folder of the masks"}
    needed["tree"] = "the name of a shipped tree, or the path of a tree file, because folders have none"
    for key, what in needed.items():
        if getattr(values, key) is None:
            yield f"`data.{key}` expects {what}. Received: none."
    for key, other in (("val_images", "val_masks"), ("val_masks", "val_images")):
        if getattr(values, key) is None and getattr(values, other) is not None:
            yield f"`data.{key}` expects a folder with `data.{other}`. Received: none."
    if values.val_images is not None:
        for key in ("val_share", "groups"):
            if getattr(values, key) is not None:
                yield (
                    f"`data.{key}` expects false with `data.val_images`, which is the validation already. Received: "
                    f"{shown(getattr(values, key))}."
                )
    if values.mask_format is not None:
        yield from _mask_format(values.mask_format)


def _mask_format(name):
    # Imported here because it imports TFDS.
    from tfds_builders.reading.masks import FORMATS

    if name not in FORMATS:
        expected = ", ".join(FORMATS)
        yield f"`data.mask_format` expects one of {expected}. Received: {shown(name)}.{nearest(name, FORMATS)}"
