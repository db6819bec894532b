"""The record files of a prepared data set, read record by record; a damaged file is an error that names it."""

import os

import numpy as np
import tensorflow as tf
from etils import epath

from hierseg_keras.data.refusal import refuse

# What a TFRecord file adds to each record: its length and two checksums.
_LENGTH_BYTES, _CHECKSUM_BYTES = 8, 4
_FRAME_BYTES = _LENGTH_BYTES + 2 * _CHECKSUM_BYTES
# As much TFDS itself keeps in memory from the first pass on.
_MAX_CACHED_BYTES = 250 * 2**20


def file_instructions(builder, split):
    """Finds which records of which files make up a split.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder`.
        split: TFDS split.

    Returns:
        List of TFDS's instructions, with `filename`, `skip`, `take` and `examples_in_shard`.

    Raises:
        ValueError: If there is no such split, or it has no image.
    """
    splits = builder.info.splits
    try:
        instructions = splits[split].file_instructions
        problem = "The split has no images."
    # TFDS raises any of these, as the text goes wrong in one way or another.
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        instructions, problem = (), str(error).splitlines()[0]
    if not instructions:
        sizes = ", ".join(f"{name!r} ({info.num_examples} images)" for name, info in splits.items())
        raise ValueError(
            f"expected a split of {builder.info.full_name}, which has {sizes}, or a part of one such as 'train[:10%]'. "
            f"Received: split={split!r}. {problem}"
        )
    return instructions


class RecordFiles:
    """The files of a split, and which of their records belong to it.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder`.
        split: TFDS split, such as `"train[:10%]"`.

    Attributes:
        num_files, num_records: Integers.

    Raises:
        ValueError: If there is no such split, the split has no records, or a file is missing or cut short.
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
        self._is_small = self._check(builder) <= _MAX_CACHED_BYTES

    def read(self, parse, order=None):
        """Reads every record of the split.

        In the split's own order, records are kept in memory from the first whole pass on where they are few.

        Args:
            parse: Function from a record's number in the split, int64, and its bytes to an example.
            order: Optional int tensor `(num_files,)`, the order of the files. Defaults to the split's own.

        Returns:
            `tf.data.Dataset` of examples.
        """
        firsts = np.cumsum(self._takes) - self._takes
        columns = self._paths, self._skips, self._takes, firsts
        if order is not None:
            columns = tuple(tf.gather(column, order) for column in columns)
        records = tf.data.Dataset.from_tensor_slices(columns).flat_map(self._read_file)
        examples = records.map(parse, tf.data.AUTOTUNE).apply(tf.data.experimental.assert_cardinality(self.num_records))
        return examples.cache() if order is None and self._is_small else examples

    def _read_file(self, path, skip, take, first):
        # A damaged record ends its file early. The one record that follows is the error that names the file.
        records = self._adapter.make_tf_data(path).ignore_errors()
        damaged = tf.data.Dataset.from_tensors(path).map(_refuse_damaged)
        return records.skip(skip).concatenate(damaged).take(take).enumerate(first)

    def _check(self, builder):
        """Checks that no file of the split is missing or cut short, from their sizes alone where these are right."""
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
        if sum(sizes) == num_bytes + _FRAME_BYTES * sum(files.values()):
            return []
        return [f"{path}, which is cut short" for path, count in files.items() if _num_whole_records(path) != count]


def _num_whole_records(path):
    """Counts the records of a TFRecord file by their lengths, without reading them; -1 where it ends within one."""
    count, size = 0, epath.Path(path).stat().length
    with epath.Path(path).open("rb") as file:
        while file.tell() < size:
            length = file.read(_LENGTH_BYTES)
            end = file.tell() + int.from_bytes(length, "little") + 2 * _CHECKSUM_BYTES
            if len(length) < _LENGTH_BYTES or end > size:
                return -1
            file.seek(end)
            count += 1
    return count


def _refuse_damaged(path):
    def sentence(path):
        path = path.decode()
        return _damage(f"{path}, which is damaged or cut short", os.path.dirname(path))

    with tf.control_dependencies([refuse(sentence, path)]):
        return tf.constant("")


def _damage(files, folder):
    return f"expected whole record files. Received: {files}. Delete {folder} and prepare the data set again."
