"""The data are the same everywhere, hold what the tree says, and come back from the disk."""

import functools
import json
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
import tensorflow_datasets as tfds

from hierseg_keras.tree import ClassTree
from tests.tfds_builders.street_blocks.record_hash import FIRST_RECORDS_HASH, RECORD_HASH, record_hash
from tfds_builders.street_blocks import street_blocks_dataset_builder, street_scene
from tfds_builders.street_blocks.street_class import StreetClass

FEW = {"train": 6, "validation": 3}


@pytest.fixture(scope="module", autouse=True)
def few_records():
    """The records do not depend on how many there are, and the whole takes ten seconds."""
    with mock.patch.object(street_scene, "SPLITS", FEW):
        yield


class StreetBlocksTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = street_blocks_dataset_builder.Builder
    EXAMPLE_DIR = "."  # No file is read.
    SPLITS = FEW


@functools.cache
def all_labels(split, num_records):
    return np.stack([street_scene.street_scene(split, index)[1] for index in range(num_records)])


class RecordsTest:
    @pytest.mark.large
    def test_nobody_changed_the_data(self):
        assert record_hash() == RECORD_HASH

    def test_nobody_changed_the_first_records(self):
        assert record_hash({"train": 5, "validation": 5}) == FIRST_RECORDS_HASH

    def test_records_differ_between_splits_and_indices(self):
        keys = [("train", 0), ("train", 1), ("validation", 0)]
        assert len({street_scene.street_scene(*key)[0].tobytes() for key in keys}) == 3

    def test_shapes_and_dtypes(self):
        image, label = street_scene.street_scene("train", 7)
        assert image.shape == (96, 128, 3) and label.shape == (96, 128, 1)
        assert image.dtype == label.dtype == np.uint8

    def test_class_ids_are_the_leaf_indices_of_the_tree(self):
        tree = ClassTree.load("street_blocks")
        names = [street_class.name.lower() for street_class in StreetClass]
        assert names == [*tree.names[: tree.num_leaves], "unlabeled"]
        assert [int(street_class) for street_class in StreetClass] == list(range(tree.num_leaves + 1))

    @pytest.mark.parametrize("split, num_records", [("train", 100), ("validation", 100)])
    def test_every_class_occurs(self, split, num_records):
        assert set(np.unique(all_labels(split, num_records))) == set(StreetClass)

    def test_some_classes_are_rare(self):
        labels = all_labels("validation", 100)
        for rare, share in ((StreetClass.BUS, 0.10), (StreetClass.RIDER, 0.05)):
            assert 0.01 <= (labels == rare).any((1, 2, 3)).mean() <= share


class BuilderTest:
    @pytest.mark.large
    def test_fresh_process_reads_the_metadata_and_the_records(self, tmp_path):
        builder = tfds.builder("street_blocks", data_dir=tmp_path)
        builder.download_and_prepare()
        script = """
import json, sys
import tensorflow_datasets as tfds
import tfds_builders
from hierseg_keras.tree import ClassTree
builder = tfds.builder("street_blocks", data_dir=sys.argv[1])
sums = {e["file_name"].decode(): [int(e["image"].sum()), int(e["label"].sum())]
        for e in tfds.as_numpy(builder.as_dataset(split="train"))}
print(json.dumps([dict(builder.info.metadata), ClassTree.from_tfds(builder).to_text(), sums]))
"""
        command = [sys.executable, "-c", script, str(tmp_path)]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        metadata, text, sums = json.loads(result.stdout.splitlines()[-1])
        tree = ClassTree.load("street_blocks")
        assert metadata == {
            "tree": tree.to_text(),
            "class_paths": [*tree.paths[: tree.num_leaves], None],
            "flip_pairs": [],
        }
        assert text == tree.to_text()
        for index in range(FEW["train"]):
            image, label = street_scene.street_scene("train", index)
            assert sums[f"train_{index:05d}.png"] == [int(image.sum()), int(label.sum())]

    def test_loads_by_name(self, tmp_path):
        data, info = tfds.load("street_blocks", data_dir=tmp_path, split="validation", with_info=True)
        assert len(data) == FEW["validation"]
        assert info.features["label"].num_classes == len(StreetClass)


if __name__ == "__main__":
    tfds.testing.test_main()
