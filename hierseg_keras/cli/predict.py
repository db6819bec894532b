"""Predict image files and folders: a picture with every level, and a PNG of classes per level."""

import os
import sys

from hierseg_command.one_line import one_line
from hierseg_keras.cli.averaging import averaging_of
from hierseg_keras.cli.file_progress import FileProgress
from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.prediction import predict_files
from hierseg_keras.prediction.predict_files import NothingPredictedError, check_levels
from hierseg_keras.training import for_inference, load_run
from hierseg_keras.training.data_sets import load_class_table, palette_of

FAILED = 1
DATA_SET, STDIN = "dataset", "-"


def run(options):
    config, model = load_run(options.run)
    if config.data.max_depth is not None:
        raise ValueError(
            f"`hierseg predict` expects a run whose network has no depth input. Received: {options.run} with "
            f"{config.network.name}, which has one. Load it in Python with `load_run` and `for_inference` of "
            "`hierseg_keras.training`, and pass images with four channels."
        )
    ids = load_class_table(options.run, config, model.tree) if options.ids == DATA_SET else options.ids
    with reading_options():
        levels = check_levels(model.tree, ids, options.levels)
    progress = FileProgress()
    try:
        result = predict_files(
            for_inference(config, model, **averaging_of(options), own_size=options.own_size),
            options.images,
            options.out,
            listed=_listed(options.list),
            levels=levels,
            ids=ids,
            confidence=options.confidence,
            threshold=options.threshold,
            overlay=options.overlay,
            palette=options.palette or palette_of(config.data, options.run),
            pictures=ids is None if options.pictures is None else options.pictures,
            batch_size=options.batch_size,
            overwrite=options.overwrite,
            skip_existing=options.skip_existing,
            on_problem=lambda problem: progress.message(f"hierseg predict: {one_line(problem)}"),
            on_progress=progress.update,
        )
    except NothingPredictedError as error:
        # Each problem was printed when it came.
        result = error.result
    finally:
        progress.end()
    return _summary(result, options.out)


def _summary(result, out):
    """Prints what was done, and returns the exit code."""
    skipped = f", and skipped {result.num_skipped}" if result.num_skipped else ""
    print(f"Predicted {_images(result.num_predicted)} into {out}{skipped}.")
    if not result.problems:
        return 0
    count = len(result.problems) + result.num_predicted
    print(f"hierseg predict: {len(result.problems)} of {_images(count)} could not be predicted.", file=sys.stderr)
    return FAILED


def _images(count):
    return f"{count} image{'' if count == 1 else 's'}"


def _listed(path):
    """Reads the paths in the lines of a file, or of stdin. They may end in NUL instead, as after `find -print0`."""
    if path is None:
        return None
    if path == STDIN:
        content = sys.stdin.buffer.read()
    else:
        with open(path, "rb") as file:
            content = file.read()
    # Of the two, only NUL is never part of a path.
    lines = content.split(b"\0") if b"\0" in content else content.splitlines()
    return [os.fsdecode(line) for line in lines if line.strip()]
