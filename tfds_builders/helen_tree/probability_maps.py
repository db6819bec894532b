"""Reads a label map that is stored as one probability map per class."""

import numpy as np
from etils import epath

from tfds_builders.reading.check_labels import check_size
from tfds_builders.reading.image_files import read_gray

NUM_CLASSES = 11


def map_paths(folder):
    """Returns the files `<id>_lbl00.png` .. `<id>_lbl10.png` of a folder `<id>`, in the order of classes."""
    folder = epath.Path(folder)
    return [folder / f"{folder.name}_lbl{class_id:02}.png" for class_id in range(NUM_CLASSES)]


def read_most_probable(folder):
    """Reads the class with the largest probability at each pixel.

    If several probabilities are equal, the lowest id is used: 0, background, if all are zero.

    Args:
        folder: Path of a folder `<id>` with the files of `map_paths`: 8-bit gray PNGs in which 255
            stands for probability 1.

    Returns:
        Uint8 array `(H, W, 1)` of class ids.

    Raises:
        ImageFileError: If a file is missing, damaged, not an 8-bit gray PNG, or of another size than
            the first. The error names the file.
    """
    first, *others = map_paths(folder)
    largest = read_gray(first)
    label = np.zeros_like(largest)
    for class_id, path in enumerate(others, 1):
        probability = read_gray(path)
        check_size(path, probability, first, largest)
        label[probability > largest] = class_id
        largest = np.maximum(largest, probability)
    return label
