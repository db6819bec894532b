"""A fingerprint that identifies a prepared data set without reading all of it."""

import hashlib
import json
import os

import tensorflow as tf
from etils import epath
from google.protobuf.message import DecodeError

from hierseg_keras.data.record_places import record_places

# Files that TFDS writes beside the records, without the one that describes the data set in prose.
_DESCRIPTIONS = ("features.json", "metadata.json")
# A fingerprint begins with the version of this computation. Those of other versions cannot be compared.
_VERSION = "2:"
_END_BYTES = 2**14


def fingerprint_of(builder):
    """Returns a text that identifies a prepared data set.

    It contains a SHA-256 of the name, config and version; the features and the metadata, including classes and tree;
    the numbers of records and bytes of every split; and of each record file, the lengths of all records and the
    features of the first and the last one. It does not depend on the folder or the time of preparation, and for
    folders of images and masks not on their paths. Data sets that differ only in the content of other records, of equal
    length, have the same fingerprint.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder`.

    Returns:
        String, a version and 64 hexadecimal digits.

    Raises:
        OSError: If a record file is missing.
    """
    digest = hashlib.sha256(data_name(builder).encode())
    for name in _DESCRIPTIONS:
        path = epath.Path(builder.data_path) / name
        _add(digest, name, path.read_bytes() if path.exists() else b"")
    for name, split in sorted(builder.info.splits.items()):
        _add(digest, name, json.dumps([split.shard_lengths, split.num_bytes]).encode())
        for path in map(epath.Path, split.filepaths):
            _add(digest, path.name, _records_of(path) if ".tfrecord" in path.name else _ends_of(path))
    return _VERSION + digest.hexdigest()


def can_be_compared(fingerprint):
    """Returns whether a fingerprint was computed as `fingerprint_of` computes it now."""
    return fingerprint.startswith(_VERSION)


def data_name(builder):
    """Returns the name, config and version of a data set. The config of folders of images contains their paths."""
    if builder.name == "folders":
        return f"{builder.name}/{builder.version}"
    return builder.info.full_name


def _add(digest, name, content):
    """Adds a content with its name and length, so that its bytes cannot be confused with those of the next."""
    digest.update(json.dumps([name, len(content)]).encode())
    digest.update(content)


def _records_of(path):
    """Returns the lengths of a file's records, and the features of its first and last one, as bytes."""
    size = path.stat().length
    with path.open("rb") as file:
        places, _ = record_places(file, size)
        ends = []
        for start, length in places[:1] + places[-1:]:
            file.seek(start, os.SEEK_SET)
            ends.append(_features_of(file.read(min(length, size))))
    return b"".join([b"%d:" % size, json.dumps([length for _, length in places]).encode(), *ends])


def _features_of(record):
    """Returns the features of a record in the order of their names, as bytes. TFDS writes them in any order."""
    try:
        features = tf.train.Example.FromString(record).features.feature
    except DecodeError:
        # A damaged record. Reading the data set will say so.
        return record
    parts = [(name.encode(), features[name].SerializeToString()) for name in sorted(features)]
    return b"".join(b"%d:%d:" % (len(name), len(value)) + name + value for name, value in parts)


def _ends_of(path):
    """Returns the length, the start and the end of a file of another format as bytes."""
    size = path.stat().length
    with path.open("rb") as file:
        start = file.read(_END_BYTES)
        file.seek(max(size - _END_BYTES, 0), os.SEEK_SET)
        return b"%d:" % size + start + file.read(_END_BYTES)
