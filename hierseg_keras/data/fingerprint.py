"""A fingerprint that identifies a prepared data set without reading all of it."""

import hashlib
import json
import os

from etils import epath

# Number of bytes to read at the start and at the end of each record file.
_END_BYTES = 2**14
# Files that TFDS writes beside the records, without the one that describes the data set in prose.
_DESCRIPTIONS = ("features.json", "metadata.json")


def fingerprint_of(builder):
    """Returns a SHA-256 that identifies a prepared data set.

    It is computed from the name, config and version; the features and the metadata, including classes and tree; the
    numbers of records and bytes of every split; and the length and the first and last 16 KiB of each record file,
    which include the checksums of its first and last record. It does not depend on the folder or the time of
    preparation. Data sets that differ only in the middle of files of equal size have the same fingerprint.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder`.

    Returns:
        String of 64 hexadecimal digits.

    Raises:
        OSError: If a record file is missing.
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
    """Adds a content with its name and length, so that its bytes cannot be confused with those of the next."""
    digest.update(json.dumps([name, len(content)]).encode())
    digest.update(content)


def _ends_of(path):
    """Returns the length, the start and the end of a file as bytes."""
    size = path.stat().length
    with path.open("rb") as file:
        start = file.read(_END_BYTES)
        file.seek(max(size - _END_BYTES, 0), os.SEEK_SET)
        return b"%d:" % size + start + file.read(_END_BYTES)
