"""Builds the parts of a run from its configuration: tree, data, network, loss and metrics."""

import functools
import math
import pathlib

import keras

from hierseg_keras import data
from hierseg_keras.data.class_ids import node_of_class_id
from hierseg_keras.data.class_names import class_names
from hierseg_keras.data.find_builder import find_builder
from hierseg_keras.distribution.blank_images import ExcludeBlankImages
from hierseg_keras.distribution.evaluation_batches import evaluation_batches
from hierseg_keras.distribution.processes import batch_part, num_batch_devices
from hierseg_keras.distribution.strategy import check_layers_under_xla
from hierseg_keras.images.padding import PADDING_COLOR
from hierseg_keras.losses import WeightedSum
from hierseg_keras.losses.objectives import loss_by_depth
from hierseg_keras.metrics import DepthLoss, TreeReport
from hierseg_keras.metrics.named_metric import NamedMetric, check_value_names
from hierseg_keras.models.graph.class_prior import classifier_with_bias, set_class_prior
from hierseg_keras.models.graph.frozen_layers import freeze_backbone
from hierseg_keras.models.graph.functional import functional
from hierseg_keras.training.config.checks import FOLDERS, takes_depth
from hierseg_keras.training.config.problems import ConfigError, nearest, refused_options, shown
from hierseg_keras.training.default_sizes import NUM_MEASURED, default_sizes
from hierseg_keras.training.optimizers import make_optimizer
from hierseg_keras.tree import ClassTree, TreeError


def tree_of(values):
    """Returns the `ClassTree` that a configuration's `data` names. Defaults to the tree of the data sets.

    The data sets are not prepared: their builders know the tree.

    Raises:
        ConfigError: If there is no such tree, it has one leaf, or fewer levels than `label_levels` says, or the data
            sets have different trees and none is named.
    """
    tree = _tree_of_data_sets(values) if values.tree is None else named_tree(values.tree)
    if tree.num_leaves == 1:
        raise ConfigError(
            [
                "`data.tree` expects at least two leaves, because with one leaf every prediction is right. Received: "
                f"a tree with the leaf {tree.names[0]!r}. Add the others, such as `background`."
            ]
        )
    levels = values.label_levels if isinstance(values.label_levels, tuple) else (values.label_levels,)
    if max(levels) > tree.num_levels:
        raise ConfigError(
            [
                f"`data.label_levels` expects levels between 1, the finest, and {tree.num_levels}, the coarsest level "
                f"of the tree. Received: {shown(values.label_levels)}."
            ]
        )
    return tree


def _tree_of_data_sets(values):
    trees = [ClassTree.from_tfds(find_builder(name, values.data_dir)) for name in dict.fromkeys(values.names)]
    if any(tree != trees[0] for tree in trees):
        raise ConfigError(
            [
                "`data.tree` expects a tree that holds the classes of all data sets, because they have different "
                f"trees. Received: none for `data.dataset` {shown(values.names)}."
            ]
        )
    return trees[0]


def check_classes(values, *further):
    """Checks that the tree of a configuration's `data` has the classes of its data sets, and of further ones.

    Raises:
        ConfigError: If it does not have some of them, or as from `tree_of`.
    """
    tree = tree_of(values)
    for name in dict.fromkeys([*values.names, *further]):
        if name == FOLDERS:
            continue
        try:
            node_of_class_id(tree, _class_names(name, values.data_dir), ignore_class=-1)
        except TreeError as error:
            *missing, _ = error.problems
            received = f"{shown(values.tree)}, which lacks {len(missing)} of them, such as {missing[0].rstrip('.?')}"
            problem = f"`data.tree` expects a tree with the classes of {name}. Received: {received}."
            raise ConfigError([f"{problem} Omit it (`data.tree = false`) for the tree of the data set."]) from None


def _class_names(name, data_dir):
    info = find_builder(name, data_dir).info
    try:
        return class_names(info)
    except ValueError:
        raise ConfigError(
            [
                f"a run expects data sets that name the classes of their label maps. Received: {name}, which does "
                "not. A run takes no class table: load the data set with `data.load(..., class_maps=...)` and train "
                "with `fit`, or write a builder (`hierseg new-dataset`)."
            ]
        ) from None


def named_tree(name):
    """Returns the `ClassTree` of a name or path. Raises `ConfigError` if there is none."""
    if name in ClassTree.available():
        return ClassTree.load(name)
    if not pathlib.Path(name).exists():
        raise ConfigError(
            [
                "`data.tree` expects the name of a shipped tree, or the path of a tree file. Received: "
                f"{shown(name)}, which is not there.{nearest(name, ClassTree.available())}"
            ]
        )
    return ClassTree.from_file(name)


def load_training(config, data_sets):
    """Loads the configuration's training splits with `data.load`, from `DataSets`."""
    values = config.data
    shares = {"batch_shares": values.batch_shares, "weights": values.weights, "batch_part": batch_part()}
    return _load_sources(config, data_sets, values.splits, values.batch_size, training=True, **shares)


def load_evaluation(config, data_sets, split, strategy, dataset=None, class_map=None):
    """Loads a split of the data set to validate on, with the labels as they are stored.

    Args:
        config: `RunConfig`.
        data_sets: `DataSets` of the run.
        split: String, TFDS split.
        strategy: `tf.distribute.Strategy` of the evaluation.
        dataset: Name of another data set. Defaults to that of the configuration's `evaluation`.
        class_map: As the values of `class_maps` in `data.load`. Defaults to `None`: the data set's own classes.

    Returns:
        A pair: the batches for the strategy's replicas, and the `steps` to pass to `evaluate` (`None`: all).
    """
    name = dataset or config.evaluation_dataset
    class_maps = None if class_map is None else {name: class_map}
    load = functools.partial(_load, config, data_sets, name, split, class_maps=class_maps)
    return _for_evaluation(config, data_sets.tree, load, strategy)


def load_held_out(config, data_sets, splits, strategy):
    """Loads splits of the training data for evaluation, one per data set, with the labels of the training.

    Returns:
        A pair, as `load_evaluation` returns it.
    """
    load = functools.partial(_load_sources, config, data_sets, splits)
    return _for_evaluation(config, data_sets.tree, load, strategy)


def load_examples(config, data_sets, split, count):
    """Returns the first `count` examples of a split of the data set to validate on.

    Returns:
        List of pairs (image `(H, W, 3)`, label `(H, W)`).
    """
    return _first_examples(_load(config, data_sets, config.evaluation_dataset, split, batch_size=1), count)


# The values that `with_data` sets.
SET_BY_DATA = ("data.size", "data.crop_size", "loss.class_weights")


def with_data(config, data_sets):
    """Replaces the values of a configuration that depend on the training data: sizes and class weights.

    Args:
        config: `RunConfig`.
        data_sets: `DataSets` of the run.

    Returns:
        `RunConfig` with explicit values, so that its file describes the run even if the data change later.
    """
    if not isinstance(config.data.size, tuple):
        count = NUM_MEASURED if config.data.crop_size is None else 1
        examples = _first_examples(_load_sources(config, data_sets, config.data.splits, batch_size=1), count)
        config = config.replace(data=default_sizes(config.data, [image.shape[:2] for image, _ in examples]))
    if isinstance(getattr(config.loss, "class_weights", None), str):
        counts = training_counts(config, data_sets)
        weights = data.class_weights(data_sets.tree, counts, method=config.loss.class_weights)
        config = config.replace(loss={"class_weights": weights.tolist()})
    return config


def start_at_prior(model, config, data_sets):
    """Sets the biases of a new network to the frequencies of the training labels, if the configuration says so."""
    if config.class_prior:
        set_class_prior(model, training_counts(config, data_sets), data_sets.tree)


def training_counts(config, data_sets):
    """Returns the pixel counts of each training image, as `data.label_counts` does."""
    examples = _load_sources(config, data_sets, config.data.splits, batch_size=1)
    labels = examples.map(lambda image, label: label)
    return data.label_counts(data_sets.tree, labels.as_numpy_iterator(), per_image=True)


def make_parts(config, tree, pretrained=True):
    """Makes the objects of a run that need no data, so that invalid options are found before the data are prepared.

    Args:
        config: `RunConfig`.
        tree: `ClassTree`.
        pretrained: As in `make_model`.

    Returns:
        A pair: the network, as `make_model` returns it, and the list of the configuration's callbacks.

    Raises:
        ConfigError: If a class raises an error for its options.
        ValueError: If `class_prior` is set and the network ends in another layer than a classifier with a bias.
    """
    model = make_model(config, tree, pretrained)
    if config.class_prior:
        classifier_with_bias(model)
    # Compiled again once the class weights and the number of steps are known.
    optimizer = make_optimizer(config, num_batches=config.schedule.accumulation_steps)
    compile_model(model, config, optimizer, config.jit_compile)
    return model, [callback.make(tree=tree) for callback in config.callbacks]


def make_model(config, tree, pretrained=True):
    """Builds the configuration's network, in the wrapper of its method if there is one. It is not compiled.

    The layers are built under the configuration's precision. Keras's global dtype policy is restored afterwards.

    Args:
        config: `RunConfig`.
        tree: `ClassTree`.
        pretrained: Whether to load the pretrained weights that the configuration names, if any. Pass `False` if
            other weights are loaded afterwards.

    Returns:
        `keras.Model`. With `"mixed_float16"` its `compile` scales the loss. Logits are always float32.
    """
    loss = make_loss(config, tree)
    given = {"tree": tree, "scores": loss.scores}
    if takes_depth(config.network):
        given["depth_channels"] = 1
    if not pretrained:
        given["weights"] = None
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(config.precision)
    try:
        network = config.network.make(**given)
        # A network without a graph has no variables before its first call, so that its weights could not be loaded.
        with refused_options("network", config.network.name):
            graph = functional(config.network.name, network)
            if config.freeze == "backbone":
                freeze_backbone(graph)
        return network if config.method is None else _wrapped(network, config, tree, loss)
    finally:
        keras.config.set_dtype_policy(before)


def _wrapped(network, config, tree, loss):
    given = {"segmenter": network, "tree": tree, "loss": loss, "seed": config.seed}
    given["ignore_class"] = ignore_class_of(tree)
    if hasattr(config.method, "clusters"):
        clusters = config.method.clusters
        given["clusters"] = None if clusters is None else [_level_or_tree(own) for own in clusters]
    return config.method.make(**given)


def _level_or_tree(cluster):
    return ClassTree.from_text(cluster) if isinstance(cluster, str) else cluster


def make_loss(config, tree, from_logits=True):
    """Makes the configuration's loss for a tree, with its further losses."""
    given = {"tree": tree, "from_logits": from_logits, "ignore_class": ignore_class_of(tree)}
    # The name of a method stands for weights that are not computed yet. Training calls `with_data` first, which
    # replaces the name by weights. Elsewhere the loss is computed without them.
    is_unknown = isinstance(getattr(config.loss, "class_weights", None), str)
    loss = config.loss.make(**({"class_weights": None} if is_unknown else {}), **given)
    if not config.further_losses:
        return loss
    further = [each.make(scores=loss.scores, **given) for each in config.further_losses]
    with refused_options("further_losses", ", ".join(each.name for each in config.further_losses)):
        return WeightedSum([loss, *further], [1.0, *(each.weight for each in config.further_losses)])


def compile_model(model, config, optimizer, jit_compile="auto"):
    """Compiles a model with the configuration's loss, `TreeReport`, `DepthLoss` and the configuration's metrics.

    Returns:
        The `TreeReport`.

    Raises:
        ValueError: If `jit_compile` is `True` and a layer of the model does not work under XLA.
    """
    if jit_compile is True:
        check_layers_under_xla(model)
    tree, from_logits = model.tree, getattr(model, "from_logits", True)
    loss = make_loss(config, tree, from_logits)
    meaning = {"scores": loss.scores, "from_logits": from_logits, "ignore_class": ignore_class_of(tree)}
    report = TreeReport(tree, **meaning)
    further = [metric.make(tree=tree, **meaning) for metric in config.evaluation.metrics]
    metrics = [report, DepthLoss(loss_by_depth(loss, tree)), *further]
    with refused_options("evaluation.metrics", ", ".join(metric.name for metric in config.evaluation.metrics)):
        check_value_names([metric for metric in metrics if isinstance(metric, NamedMetric)])
    model.compile(optimizer, loss=loss, metrics=metrics, jit_compile=jit_compile)
    return report


def inference_jit(config):
    """Returns `jit_compile` for the inference of a run: what the run says, but XLA is never required."""
    return config.jit_compile and "auto"


def ignore_class_of(tree):
    """Returns 255, or -1 if 255 is a node of the tree."""
    return 255 if tree.num_nodes <= 255 else -1


def _for_evaluation(config, tree, load, strategy):
    """Returns the examples of `load(batch_size=...)` as `load_evaluation` does."""
    batch_size = _evaluation_batch_size(config, strategy)
    if batch_part() is not None:
        return load(batch_size=batch_size, batch_part=batch_part()), None
    if strategy.num_replicas_in_sync == 1:
        return load(batch_size=batch_size), None
    padding = PADDING_COLOR, ignore_class_of(tree)
    return evaluation_batches(load(batch_size=1), batch_size, padding, strategy)


def _evaluation_batch_size(config, strategy):
    """Returns the number of images per batch of an evaluation, of which every replica gets equally many."""
    replicas = max(strategy.num_replicas_in_sync, num_batch_devices())
    return math.ceil(config.evaluation_batch_size / replicas) * replicas


def excluding_blank_images(config, examples, strategy):
    """Returns a list of the callback that an evaluation on a part of the batches needs; else an empty list.

    Args:
        config: `RunConfig`.
        examples: The first of the pair that `load_evaluation` returns.
        strategy: As passed to `load_evaluation`.
    """
    num_blank = getattr(examples, "num_blank", 0)
    return [ExcludeBlankImages(len(examples), _evaluation_batch_size(config, strategy), num_blank)] if num_blank else []


def _first_examples(dataset, count):
    return [(image[0], label[0]) for image, label in dataset.take(count).as_numpy_iterator()]


def _load_sources(config, data_sets, splits, batch_size, **options):
    """Loads splits of the data sets to train on, with the labels of the training."""
    levels = config.data.label_levels
    return _load(config, data_sets, config.data.names, splits, batch_size, label_levels=levels, **options)


def _load(config, data_sets, name, split, batch_size, **options):
    values, tree = config.data, data_sets.tree
    names = [name] if isinstance(name, str) else name
    return data.load(
        [data_sets.source(each) for each in names],
        split if isinstance(split, (list, tuple)) else [split] * len(names),
        tree=tree,
        batch_size=batch_size,
        size=values.size,
        crop_size=values.crop_size,
        scale_range=values.scale_range,
        flip=values.flip,
        flip_pairs=values.flip_pairs,
        max_class_share=values.max_class_share,
        distort_colors=values.distort_colors,
        max_depth=values.max_depth,
        seed=config.seed,
        ignore_class=ignore_class_of(tree),
        data_dir=values.data_dir,
        manual_dir=values.manual_dir,
        **options,
    )
