"""Reads the record files of a prepared data set. The error for a damaged file names the file."""

import itertools
import os

import numpy as np
import tensorflow as tf
from etils import epath

from hierseg_keras.data.record_places import FRAME_BYTES, record_places
from hierseg_keras.data.refusal import refuse

# TFDS itself caches data sets up to this size.
_MAX_CACHED_BYTES = 250 * 2**20


def file_instructions(builder, split):
    """Returns the files of a split and which of their records belong to it.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder`.
        split: String, TFDS split.

    Returns:
        List of TFDS's file instructions, with `filename`, `skip`, `take` and `examples_in_shard`.

    Raises:
        ValueError: If there is no such split, or it has no images.
    """
    splits = builder.info.splits
    try:
        instructions = splits[split].file_instructions
        problem = "The split has no images."
    # TFDS raises any of these, depending on how the text is malformed.
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        instructions, problem = (), str(error).splitlines()[0]
    # For a slice that ends before it begins, TFDS returns a negative number of records.
    if not instructions or any(instruction.take < 1 for instruction in instructions):
        sizes = ", ".join(f"{name!r} ({info.num_examples} images)" for name, info in splits.items())
        reason = builder.missing_split(split.partition("[")[0]) if hasattr(builder, "missing_split") else None
        raise ValueError(
            f"`split` expects a split of {builder.info.full_name}, which has {sizes}, or a part of one such as "
            f"'train[:10%]'. Received: split={split!r}. {f'{reason}.' if reason else problem}"
        )
    return instructions


def have_common_records(builder, split, other):
    """Returns whether two splits of a data set have records in common.

    Args:
        builder: As in `file_instructions`.
        split, other: Strings, TFDS splits.

    Raises:
        ValueError: As from `file_instructions`.
    """
    parts = itertools.product(file_instructions(builder, split), file_instructions(builder, other))
    return any(a.filename == b.filename and a.skip < b.skip + b.take and b.skip < a.skip + a.take for a, b in parts)


class RecordFiles:
    """Reads the records of a split from its files.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder`.
        split: String, TFDS split, such as `"train[:10%]"`.

    Attributes:
        num_files: Integer, number of files.
        num_records: Integer, number of records that belong to the split.
        is_small: Boolean, whether `read` caches the records in memory.

    Raises:
        ValueError: If there is no such split, the split has no records, or a file is missing or truncated.
    """

    def __init__(self, builder, split):
        from tensorflow_datasets.core import file_adapters

        instructions = file_instructions(builder, split)
        file_format = builder.info.file_format or file_adapters.DEFAULT_FILE_FORMAT
        self._format = file_adapters.FileFormat.from_value(file_format)
        self._adapter = file_adapters.ADAPTER_FOR_FORMAT[self._format]
        self._paths = [os.fspath(instruction.filename) for instruction in instructions]
        self._skips = np.array([instruction.skip for instruction in instructions], np.int64)
        self._takes = np.array([instruction.take for instruction in instructions], np.int64)
        self.num_files, self.num_records = len(instructions), int(self._takes.sum())
        self.is_small = self._check(builder) <= _MAX_CACHED_BYTES

    def fetch(self, example):
        """Returns an example as `Source.decode` takes it, with the bytes of its images. Records contain them already.

        Args:
            example: Dict that `Source.parse` returned.
        """
        return example

    def read(self, parse, order=None):
        """Reads every record of the split.

        Without `order`, the records of a small split are cached in memory during the first full pass.

        Args:
            parse: Function `(index, record)` to an example, where `index` is the record's number in the split (int64)
                and `record` its bytes.
            order: Integer tensor `(num_files,)`, the order in which to read the files. Defaults to the split's own.

        Returns:
            `tf.data.Dataset` of examples.
        """
        firsts = np.cumsum(self._takes) - self._takes
        columns = self._paths, self._skips, self._takes, firsts
        if order is not None:
            columns = tuple(tf.gather(column, order) for column in columns)
        records = tf.data.Dataset.from_tensor_slices(columns).flat_map(self._read_file)
        examples = records.map(parse, tf.data.AUTOTUNE).apply(tf.data.experimental.assert_cardinality(self.num_records))
        return examples.cache() if order is None and self.is_small else examples

    def _read_file(self, path, skip, take, first):
        # A damaged record ends its file early. The data set appended here then raises the error that names the file.
        records = self._adapter.make_tf_data(path).ignore_errors()
        damaged = tf.data.Dataset.from_tensors(path).map(_refuse_damaged)
        return records.skip(skip).concatenate(damaged).take(take).enumerate(first)

    def _check(self, builder):
        """Raises if a file of the split is missing or truncated; returns the size in bytes.

        If the total size of the files is right, none of them is read.
        """
        problems, num_bytes = [], 0
        for info in builder.info.splits.values():
            files = {os.fspath(file.filename): file.examples_in_shard for file in info.file_instructions}
            if files.keys() & set(self._paths):
                problems += self._problems(files, info.num_bytes)
                num_bytes += info.num_bytes
        if problems:
            raise ValueError(_damage(", ".join(problems), builder.data_path))
        return num_bytes

    def _problems(self, files, num_bytes):
        missing = [path for path in files if not epath.Path(path).exists()]
        if missing or self._format.value != "tfrecord":
            return [f"{path}, which is missing" for path in missing]
        sizes = [epath.Path(path).stat().length for path in files]
        if sum(sizes) == num_bytes + FRAME_BYTES * sum(files.values()):
            return []
        return [f"{path}, which is truncated" for path, count in files.items() if _num_whole_records(path) != count]


def _num_whole_records(path):
    """Counts the records of a TFRecord file; -1 if the last one is truncated."""
    path = epath.Path(path)
    with path.open("rb") as file:
        places, is_whole = record_places(file, path.stat().length)
    return len(places) if is_whole else -1


def _refuse_damaged(path):
    def sentence(path):
        path = path.decode()
        return _damage(f"{path}, which is damaged or truncated", os.path.dirname(path))

    with tf.control_dependencies([refuse(sentence, path)]):
        return tf.constant("")


def _damage(files, folder):
    return f"A split expects complete record files. Received: {files}. Delete {folder} and prepare the data set again."
