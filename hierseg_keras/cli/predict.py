"""Predict image files: a picture with every level, and a PNG of node indices a level."""

import pathlib

import numpy as np
from PIL import Image, UnidentifiedImageError

from hierseg_keras.cli import inference
from hierseg_keras.decoding import best_path, level_labels
from hierseg_keras.training import for_inference, load_run
from hierseg_keras.visualization import draw_levels


def add_arguments(parser):
    parser.add_argument("run", metavar="RUN", help="folder that `hierseg train` left")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="image files, of any size")
    parser.add_argument("--out", required=True, help="folder for NAME.png and NAME_level_L.png")
    inference.add_arguments(parser)


def run(options):
    images = {path: _read(path) for path in map(pathlib.Path, options.images)}
    config, model = load_run(options.run)
    if config.max_depth is not None:
        raise ValueError(
            f"`hierseg predict` expects a run on images without depth. Received: {options.run}, of model "
            f"{config.model!r}. Load it with `hierseg_keras.training.load_run` and pass images of four channels."
        )
    model = for_inference(config, model, **inference.chosen(options))
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    for path, image in images.items():
        leaf, _ = best_path(model.tree, model(image[None], training=False))
        draw_levels(model.tree, image, {path.stem: leaf[0]}, out / f"{path.stem}.png")
        for level, labels in enumerate(level_labels(model.tree, leaf[0]), start=1):
            _write_labels(np.asarray(labels), out / f"{path.stem}_level_{level}.png")
        print(out / f"{path.stem}.png")
    return 0


def _read(path):
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"expected an image file. Received: {path}: {error}") from None


def _write_labels(labels, path):
    """Node indices as grey values, in 16 bits where 8 do not hold them."""
    dtype = np.uint8 if labels.max() < 256 else np.uint16
    Image.fromarray(labels.astype(dtype)).save(path)
