"""Trains a network from a configuration without validating in between, and measures it on a split."""

import keras
import numpy as np

from hierseg_keras import data
from hierseg_keras.decoding.confident_labels import coherent_probabilities
from hierseg_keras.metrics import ConfidenceCurve, TreeReport
from hierseg_keras.training.build import (
    load_examples,
    load_training,
    make_loss,
    make_model,
    start_at_prior,
    tree_of,
    with_data,
)
from hierseg_keras.training.callbacks import SeedEpochs
from hierseg_keras.training.data_sets import DataSets
from hierseg_keras.training.optimizers import make_optimizer

_CALIBRATION_BINS = 15


def fit(config):
    """Returns the network of a configuration, trained on its training split."""
    keras.utils.set_random_seed(config.seed)
    tree = tree_of(config.data)
    data_sets = DataSets(config.data, tree)
    config = with_data(config, data_sets)
    model = make_model(config, tree)
    start_at_prior(model, config, data_sets)
    examples = load_training(config, data_sets)
    epochs = config.num_epochs(len(examples))
    model.compile(make_optimizer(config, num_batches=epochs * len(examples)), loss=make_loss(config, tree))
    callbacks = [data.SetEpoch(examples), SeedEpochs(config.seed)]
    model.fit(examples, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks)
    return model


def measure(model, config, split):
    """Measures a network on a split whose images all have one size.

    Returns:
        Dict of floats: the values of `TreeReport`; `calibration_error` and `confidence_area`; and `iou_{class}` for
        every leaf.
    """
    tree = model.tree
    examples = load_examples(config, DataSets(config.data, tree), split, count=-1)
    image, label = (np.stack(part) for part in zip(*examples))
    scores = model.predict(image, batch_size=len(image), verbose=0)
    report, curve = TreeReport(tree, scores=model.scores), ConfidenceCurve(tree, scores=model.scores)
    report.update_state(label, scores)
    curve.update_state(label, scores)
    names, rows = tree.names[: tree.num_leaves], report.rows()
    return {
        **{name: float(value) for name, value in report.result().items()},
        "calibration_error": calibration_error(model, scores, label),
        "confidence_area": confidence_area(curve),
        **{f"iou_{name}": row["iou"] for name, row in zip(names, rows) if row["level"] == 1},
    }


def calibration_error(model, scores, label):
    """Returns the expected calibration error of the most probable leaf (Guo et al., ICML 2017), over labeled leaves."""
    tree = model.tree
    probabilities = np.asarray(coherent_probabilities(tree, scores, model.scores, True))[..., : tree.num_leaves]
    is_leaf = label < tree.num_leaves
    confidence, is_right = probabilities.max(-1)[is_leaf], (probabilities.argmax(-1) == label)[is_leaf]
    bins = np.minimum((confidence * _CALIBRATION_BINS).astype(int), _CALIBRATION_BINS - 1)
    gaps = [abs(np.sum(confidence[bins == i]) - np.sum(is_right[bins == i])) for i in range(_CALIBRATION_BINS)]
    return float(np.sum(gaps) / is_leaf.sum())


def confidence_area(curve):
    """Returns the area under the accuracy of confident labels over how much they say.

    How much they say is the mean depth of the labels, as a share of `D`; a pixel without a label has depth 0. The
    area is 1 if all pixels get their leaf. Below the smallest depth, the accuracy is taken to be constant.
    """
    values = curve.curve()
    said = np.nan_to_num(values["answered"] * values["depth"]) / curve.tree.num_levels
    order = np.argsort(said)
    said, accuracy = said[order], np.nan_to_num(values["accuracy"])[order]
    return float(said[0] * accuracy[0] + np.trapezoid(accuracy, said))
