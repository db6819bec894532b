"""A data set that is not stored in files, with the interface of a prepared TFDS builder."""

import re

import tensorflow_datasets as tfds

from hierseg_keras.data.memory_labels import label_table
from hierseg_keras.data.memory_records import MemoryRecords
from tfds_builders.tree_features import tree_dataset_info


class MemoryBuilder(tfds.core.DatasetBuilder, skip_registration=True):
    """Describes arrays or a `tf.data.Dataset` as TFDS describes a prepared data set of one split.

    `data.load` reads it like any builder. Labels are stored as node indices, and as `tree.num_nodes` for a pixel
    without a label.

    Args:
        name: String, name of the data set in errors.
        examples: Object that has `count`, number of examples; `num_bytes`, their size; and the methods of
            `ArrayExamples`.
        split: String, name of the split.
        tree: `ClassTree`.
        classes: `ClassMap` of the labels in `examples`. `None` means that they are node indices.
        ignore_class: Integer label of pixels without a label, if `classes` is `None`.
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, name, examples, split, tree, classes, ignore_class):
        if not re.fullmatch(r"[A-Za-z_]\w*", split) or split == "all":
            raise ValueError(
                "`split` expects the name of a split of letters, digits and underscores, such as 'train', and not "
                f"'all', which stands for all splits. Received: split={split!r}."
            )
        # Set first, because the constructor of TFDS reads `name` and `info`.
        self.name, self.examples, self._tree = name, examples, tree
        super().__init__()
        self.to_stored_label = label_table(tree, classes, ignore_class)
        split = tfds.core.SplitInfo(name=split, shard_lengths=[examples.count], num_bytes=examples.num_bytes)
        self.info.set_splits(tfds.core.splits.SplitDict([split]))

    def records(self, split):
        """Returns the `MemoryRecords` of a split or of a part of it."""
        return MemoryRecords(self, split)

    def is_prepared(self):
        return True

    def download_and_prepare(self, **options):
        """Does nothing, because there is nothing to prepare."""

    def _info(self):
        return tree_dataset_info(self, self._tree, [*self._tree.paths, None])

    def _download_and_prepare(self, dl_manager, download_config):
        raise NotImplementedError

    def _as_dataset(self, split, **options):
        raise NotImplementedError("A data set in memory has no `as_dataset`. Pass the builder to `data.load`.")
