"""Predict image files: a picture with every level, and a PNG of node indices per level."""

import os
import pathlib
import unicodedata

import numpy as np
from PIL import Image

from hierseg_keras.cli.averaging import averaging_of
from hierseg_keras.decoding import best_path, level_labels
from hierseg_keras.files import written_beside
from hierseg_keras.training import for_inference, load_run
from hierseg_keras.visualization import draw_levels, node_colors

_UINT8_NODES = 256


def run(options):
    # Imported here because it imports TFDS, which the options do not need.
    from tfds_builders.reading.image_files import read_image

    images, out = [pathlib.Path(image) for image in options.images], pathlib.Path(options.out)
    _check_images(images, read_image)
    config, model = load_run(options.run)
    if config.data.max_depth is not None:
        raise ValueError(
            f"`hierseg predict` expects a run whose network has no depth input. Received: {options.run} with "
            f"{config.network.name}, which has one. Load it in Python with `hierseg_keras.training.load_run`, and pass "
            "images with four channels."
        )
    colors = node_colors(model.tree, options.palette or config.data.palette)
    targets = [_targets(out, image.stem, model.tree.num_levels) for image in images]
    _check_targets(images, targets, options.overwrite)
    model = for_inference(config, model, **averaging_of(options))
    for path, (picture, *maps) in zip(images, targets):
        image = read_image(path)
        leaf = best_path(model.tree, model(image[None], training=False), model.scores, model.from_logits)[0][0]
        with written_beside(picture, replace=options.overwrite) as new:
            draw_levels(model.tree, image, {path.stem: leaf}, new, colors)
        for labels, level_map in zip(level_labels(model.tree, leaf), maps):
            with written_beside(level_map, replace=options.overwrite) as new:
                _write_labels(model.tree, np.asarray(labels), new)
        print(picture)
    return 0


def _check_images(images, read_image):
    """Checks that every image can be read, before anything is predicted. One error lists all unreadable images."""
    problems = []
    for path in images:
        try:
            read_image(path)
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ValueError("\n".join(problems))


def _targets(out, stem, num_levels):
    """Returns the list of files to which the results of one image are written."""
    return [out / f"{stem}.png", *(out / f"{stem}_level_{level}.png" for level in range(1, num_levels + 1))]


def _check_targets(images, targets, overwrite):
    """Checks that no result replaces another result, an input image, or, without `overwrite`, an existing file."""
    inputs = {_identity(image): image for image in images}
    sources = {}
    for image, files in zip(images, targets):
        for file in files:
            # Some file systems ignore case, and the Unicode composition of letters, when they compare names.
            name = unicodedata.normalize("NFC", file.name).casefold()
            if name in sources:
                raise ValueError(
                    f"`hierseg predict` expects images with different file names. Received: {sources[name]} and "
                    f"{image}, whose results would both be written to {file}. Predict them into different folders."
                )
            sources[name] = image
            if file.exists() and _identity(file) in inputs:
                raise ValueError(
                    f"`hierseg predict` never replaces an input image. Received: {image}, whose result {file} would "
                    f"replace the image {inputs[_identity(file)]}. Choose another folder with --out."
                )
            if os.path.lexists(file) and not overwrite:
                raise FileExistsError(
                    f"`hierseg predict` expects that its output files do not exist. Received: {file}, which exists. "
                    "Pass --overwrite, or choose another folder with --out."
                )


def _identity(path):
    """Returns a value that is equal for two paths of the same file."""
    stat = path.stat()
    return stat.st_dev, stat.st_ino


def _write_labels(tree, labels, path):
    """Writes node indices as a grayscale image, with 16 bits per pixel if 8 bits are too few for the tree."""
    dtype = np.uint8 if tree.num_nodes <= _UINT8_NODES else np.uint16
    Image.fromarray(labels.astype(dtype)).save(path)
