"""Checks the class ids and the sizes of the arrays of an example."""

import numpy as np

from tfds_builders.reading.file_problems import ImageFileError, counted_pixels


def check_ids(path, class_ids, num_ids):
    """Raises `ImageFileError` if an id is outside of `[0, num_ids)`, with the file's name and the id's pixel count."""
    foreign = class_ids[class_ids >= num_ids]
    if foreign.size:
        raise ImageFileError(
            f"{path}: expected class ids in 0 .. {num_ids - 1}. Received: {counted_pixels(foreign)}. "
            "Use the release whose annotations hold class ids, or map these ids first"
        )


def map_ids(path, class_ids, id_of):
    """Replaces ids by other ids.

    Args:
        path: Path of the file, for errors.
        class_ids: Array of unsigned integers.
        id_of: Dict from each valid id in the file to the id to store.

    Returns:
        Uint8 array, or uint16 if a new id is above 255.

    Raises:
        ImageFileError: If an id is not in `id_of`. The error gives the file's name and the id's pixel count.
    """
    table = np.full(np.iinfo(class_ids.dtype).max + 1, -1)
    table[list(id_of)] = list(id_of.values())
    ids = table[class_ids]
    foreign = class_ids[ids < 0]
    if foreign.size:
        raise ImageFileError(
            f"{path}: expected class ids among {sorted(id_of)}. Received: {counted_pixels(foreign)}. "
            "Restore it from the original archive"
        )
    return ids.astype(np.uint8 if max(id_of.values()) <= np.iinfo(np.uint8).max else np.uint16)


def check_size(path, array, image_path, image, remedy="Restore both from the original archive"):
    """Raises `ImageFileError` with the names of both files if `array` and `image` differ in height or width.

    Args:
        path, image_path: Paths of the files, for the error.
        array, image: Arrays of two or more axes.
        remedy: String, what the error tells the user to do.
    """
    if array.shape[:2] != image.shape[:2]:
        raise ImageFileError(
            f"{path}: expected the size of its image {image_path}, {_size_text(image)}. "
            f"Received: {_size_text(array)}. {remedy}"
        )


def _size_text(array):
    return f"{array.shape[1]} x {array.shape[0]}"
