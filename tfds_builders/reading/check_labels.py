"""What the arrays of an example must hold: ids of the data set, and one size."""

import numpy as np

from tfds_builders.reading.file_problems import ImageFileError, counted_pixels


def check_ids(path, label, num_ids):
    """Raises `ImageFileError` that names the file if an id lies outside `[0, num_ids)`, with its pixel count."""
    foreign = label[label >= num_ids]
    if foreign.size:
        raise ImageFileError(
            f"{path}: expected class ids in 0 .. {num_ids - 1}. Received: {counted_pixels(foreign)}. "
            "Use the release whose annotations hold class ids, or map these first"
        )


def map_ids(path, label, id_of):
    """Replaces the ids of a file by others.

    Args:
        path: The file, for the message.
        label: Array of unsigned integers.
        id_of: Dict from each id that the file may hold to the one that is stored in its place.

    Returns:
        uint8 array, or uint16 where an id is above 255.

    Raises:
        ImageFileError: That names the file where an id is not in `id_of`, with its pixel count.
    """
    table = np.full(np.iinfo(label.dtype).max + 1, -1)
    table[list(id_of)] = list(id_of.values())
    ids = table[label]
    foreign = label[ids < 0]
    if foreign.size:
        raise ImageFileError(
            f"{path}: expected class ids among {sorted(id_of)}. Received: {counted_pixels(foreign)}. "
            "Restore it from the original archive"
        )
    return ids.astype(np.uint8 if max(id_of.values()) <= np.iinfo(np.uint8).max else np.uint16)


def check_size(path, array, image_path, image):
    """Raises `ImageFileError` that names both files if `array` has another height or width than `image`."""
    if array.shape[:2] != image.shape[:2]:
        raise ImageFileError(
            f"{path}: expected the size of its image {image_path}, {_size_text(image)}. "
            f"Received: {_size_text(array)}. Restore both from the original archive"
        )


def _size_text(array):
    return f"{array.shape[1]} x {array.shape[0]}"
