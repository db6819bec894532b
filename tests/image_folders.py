"""Small folders of images and masks."""

import numpy as np
from PIL import Image

from hierseg_keras.tree import ClassTree

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
NO_LABEL = 255


def example(number, size=(12, 16)):
    """An image of its own noise, and a label of all leaves and of pixels without a label."""
    rng = np.random.default_rng(number)
    label = rng.integers(0, TREE.num_leaves + 1, size).astype(np.uint8)
    return rng.integers(0, 256, (*size, 3), np.uint8), np.where(label == TREE.num_leaves, NO_LABEL, label)


def write_pair(folder, name, number, suffix=".png", size=(12, 16)):
    """Writes `images/NAME` and `masks/NAME.png` below a folder."""
    image, label = example(number, size)
    for kind, pixels, ending in (("images", image, suffix), ("masks", label, ".png")):
        path = folder / kind / f"{name}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)


def write_pairs(folder, names, suffix=".png"):
    """Writes one pair per name. Their sizes differ. Returns the folders of images and masks."""
    for number, name in enumerate(names):
        write_pair(folder, name, number, suffix, (12 + number % 3, 16))
    return folder / "images", folder / "masks"
