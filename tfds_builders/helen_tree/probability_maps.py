"""A label map that is stored as one map of probabilities a class."""

import numpy as np
from etils import epath

from tfds_builders.reading.check_labels import check_size
from tfds_builders.reading.image_files import read_gray

NUM_CLASSES = 11


def map_paths(folder):
    """The files `<id>_lbl00.png` .. `<id>_lbl10.png` of a folder `<id>`, in the order of classes."""
    folder = epath.Path(folder)
    return [folder / f"{folder.name}_lbl{class_id:02}.png" for class_id in range(NUM_CLASSES)]


def read_most_probable(folder):
    """Reads the class of the largest probability at each pixel.

    Where several are the largest the lowest id of them is taken, and so 0, background, where all
    are zero.

    Args:
        folder: Folder `<id>` with the files of `map_paths`, 8-bit gray PNG, 255 for certainty.

    Returns:
        `(H, W, 1)` uint8 class ids.

    Raises:
        ImageFileError: That names the file, where one is missing, damaged, of another size than
            the first, or no 8-bit gray PNG.
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
