"""The parts of a run that its configuration decides: tree, data, network, loss and metrics."""

from hierseg_keras import data
from hierseg_keras.distribution.evaluation_batches import evaluation_batches
from hierseg_keras.losses.objectives import OBJECTIVES, make_loss
from hierseg_keras.metrics import DepthLoss, TreeReport
from hierseg_keras.training.methods import METHODS
from hierseg_keras.training.networks import make_network
from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.padding import PADDING_COLOR


def tree_of(config):
    """The `ClassTree` that a configuration names, or that of its data set."""
    if config.tree is None:
        return ClassTree.from_tfds(data.prepare(config.dataset, config.data_dir, config.manual_dir).info)
    if config.tree in ClassTree.available():
        return ClassTree.load(config.tree)
    return ClassTree.from_file(config.tree)


def load_training(config, tree):
    """The configuration's training split, as `data.load` gives it."""
    return _load(config, tree, config.train_split, config.batch_size, training=True)


def load_evaluation(config, tree, split, strategy):
    """A split to evaluate on, batched for the strategy's replicas, and its steps for Keras."""
    if strategy.num_replicas_in_sync == 1:
        return _load(config, tree, split, config.batch_size), None
    examples = _load(config, tree, split, batch_size=1)
    return evaluation_batches(examples, config.batch_size, (PADDING_COLOR, _ignore_class(tree)), strategy)


def load_examples(config, tree, split, count):
    """The first images of a split with their labels: list of pairs `(H, W, 3)` and `(H, W)`."""
    examples = _load(config, tree, split, batch_size=1).take(count)
    return [(image[0], label[0]) for image, label in examples.as_numpy_iterator()]


def make_model(config, tree, pretrained=True):
    """The configuration's network, not compiled.

    Args:
        config: `RunConfig`.
        tree: `ClassTree`.
        pretrained: Whether to start from the pretrained weights that the configuration may name.
            Where a run's own are loaded, they would be fetched for nothing.
    """
    options = config.network_options
    if not pretrained and "weights" in options:
        options["weights"] = None
    scores, _ = OBJECTIVES[config.loss]
    network = make_network(config.model, tree, scores, options, config.precision)
    return METHODS[config.method](network, config, _ignore_class(tree))


def compile_model(model, config, optimizer, jit_compile="auto"):
    """Compiles with the configuration's loss, the figures of `TreeReport`, and loss by depth.

    Returns:
        The `TreeReport`.
    """
    scores, _ = OBJECTIVES[config.loss]
    ignore_class = _ignore_class(model.tree)
    loss, by_depth = make_loss(config.loss, model.tree, ignore_class)
    report = TreeReport(model.tree, scores=scores, ignore_class=ignore_class)
    model.compile(optimizer, loss=loss, metrics=[report, DepthLoss(by_depth)], jit_compile=jit_compile)
    return report


def _ignore_class(tree):
    """255, as Keras users expect it, unless the tree has so many nodes."""
    return 255 if tree.num_nodes <= 255 else -1


def _load(config, tree, split, batch_size, training=False):
    return data.load(
        config.dataset,
        split,
        training=training,
        tree=tree,
        batch_size=batch_size,
        size=config.size,
        crop_size=config.crop_size,
        scale_range=config.scale_range,
        max_depth=config.max_depth,
        seed=config.seed,
        ignore_class=_ignore_class(tree),
        data_dir=config.data_dir,
        manual_dir=config.manual_dir,
    )
