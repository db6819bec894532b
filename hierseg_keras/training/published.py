"""Measures a run by the protocols of the published results that it is to reproduce."""

import os
import pathlib

import tensorflow as tf

from hierseg_keras.training.config import RunConfig
from hierseg_keras.training.config.files import config_file
from hierseg_keras.training.config.record import Published
from hierseg_keras.training.manifest import missing_files
from hierseg_keras.training.run_state import refuse_without
from hierseg_keras.training.saved_run import evaluate_run


def evaluate_published(
    folder: str | os.PathLike,
    verbose: int | str = "auto",
    strategy: tf.distribute.Strategy | None = None,
) -> list[tuple[Published, dict[str, float]]]:
    """Evaluates a run as the published results in its configuration were measured.

    A recipe contains these results, and the run's configuration keeps them. Results that were measured in the same way
    share one evaluation.

    Args:
        folder: The run's folder.
        verbose, strategy: As in `evaluate_run`.

    Returns:
        List of pairs, one per entry of `config.published`: the entry, and the values of the run, as `evaluate_run`
        returns them. Those of the entry are in percent, and those of the run are fractions of 1.

    Raises:
        ValueError: If the run's configuration has no published results.
        FileNotFoundError, FloatingPointError: As in `load_run`.
    """
    folder = pathlib.Path(folder)
    if missing := missing_files(folder):
        refuse_without(folder, missing)
    published = RunConfig.from_file(config_file(folder)).published
    if not published:
        raise ValueError(
            "`published` expects a run of a recipe, whose configuration has published results. Received: "
            f"{folder}, whose configuration has none. Evaluate it without them, or add a table [[published]] to a "
            "configuration before the training."
        )
    measured = {}
    for scales, flip in dict.fromkeys((entry.scales, entry.flip) for entry in published):
        measured[scales, flip] = evaluate_run(folder, verbose=verbose, strategy=strategy, scales=scales, flip=flip)
    return [(entry, measured[entry.scales, entry.flip]) for entry in published]
