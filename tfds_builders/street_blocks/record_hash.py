"""One number for all the data: whoever computes the same has the same pixels."""

import hashlib

from tfds_builders.street_blocks.street_scene import SPLITS, street_scene


def record_hash():
    """The SHA-256 of the images and label maps of every split, in order, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for split, num_records in SPLITS.items():
        for index in range(num_records):
            for array in street_scene(split, index):
                digest.update(array.tobytes())
    return digest.hexdigest()
