"""By what a prepared data set is known again, without reading it."""

import hashlib
import json
import os

from etils import epath

# Of the start and of the end of each file of records.
_END_BYTES = 2**14
# What TFDS writes beside the records, except for texts about the data set.
_DESCRIPTIONS = ("features.json", "metadata.json")


def fingerprint_of(builder):
    """Returns the SHA-256 of what is seen of a prepared data set at once, as a hexadecimal string.

    It is of the name, config and version; of features and metadata, with the classes and their tree; of every
    split's number of records and of bytes in each file; and of each file's first and last 16 KiB, which hold the
    checksums of its first and last record. The folder and the time of preparation do not matter. Two data sets of
    the same fingerprint may differ inside of files whose sizes are equal.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder`.

    Returns:
        String of 64 characters.

    Raises:
        OSError: If a file of records is missing.
    """
    digest = hashlib.sha256(builder.info.full_name.encode())
    for name in _DESCRIPTIONS:
        path = epath.Path(builder.data_path) / name
        _add(digest, name, path.read_bytes() if path.exists() else b"")
    for name, split in sorted(builder.info.splits.items()):
        _add(digest, name, json.dumps([split.shard_lengths, split.num_bytes]).encode())
        for path in map(epath.Path, split.filepaths):
            _add(digest, path.name, _ends_of(path))
    return digest.hexdigest()


def _add(digest, name, content):
    """Adds a named content; lengths keep neighbors apart."""
    digest.update(json.dumps([name, len(content)]).encode())
    digest.update(content)


def _ends_of(path):
    """A file's length, start and end."""
    size = path.stat().length
    with path.open("rb") as file:
        start = file.read(_END_BYTES)
        file.seek(max(size - _END_BYTES, 0), os.SEEK_SET)
        return b"%d:" % size + start + file.read(_END_BYTES)
