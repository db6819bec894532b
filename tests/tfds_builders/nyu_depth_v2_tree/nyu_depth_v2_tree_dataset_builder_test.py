"""NYU-Depth-v2 from a tiny made-up file, and from bad ones."""

import collections
import csv
import shutil

import h5py
import numpy as np
import pytest
import scipy.io
import tensorflow_datasets as tfds
from etils import epath

from hierseg_keras.tree import ClassTree
from tests.manual_data import examples, num_examples, prepare, stored_examples
from tfds_builders.nyu_depth_v2_tree import nyu_depth_v2_tree_dataset_builder
from tfds_builders.nyu_depth_v2_tree.nyu_depth_v2_tree_dataset_builder import raw_to_40_classes
from tfds_builders.reading.file_problems import ImageFileError

FOLDER = epath.Path(nyu_depth_v2_tree_dataset_builder.__file__).parent
DUMMY_DATA = epath.Path(__file__).parent / "dummy_data"
NAME, SCENES = "nyu_depth_v2_tree", "nyu_depth_v2_labeled.mat"


class NyuDepthV2TreeTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = nyu_depth_v2_tree_dataset_builder.Builder
    EXAMPLE_DIR = DUMMY_DATA
    # Of the six scenes 1 and 2 are official test scenes.
    SPLITS = {"train": 4, "test": 2}


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return prepare(NAME, DUMMY_DATA, tmp_path_factory.mktemp("data"))


@pytest.fixture
def manual_dir(tmp_path):
    """A copy of the dummy data to spoil."""
    shutil.copytree(DUMMY_DATA, tmp_path / "manual")
    return epath.Path(tmp_path / "manual")


class RawTo40ClassesTest:
    def test_names_and_counts(self):
        tree, table = ClassTree.load("nyu_depth_v2"), raw_to_40_classes()
        assert table.shape == (895,) and table.dtype == np.uint8 and table[0] == 0
        counts = collections.Counter(table[1:].tolist())
        assert sorted(counts) == list(range(1, 41))
        assert (counts.pop(38), counts.pop(39), counts.pop(40)) == (68, 82, 707) and set(counts.values()) == {1}
        with (FOLDER / "raw_classes.csv").open("r") as file:
            for row in csv.DictReader(file):
                assert tree.index(row["name40"]) == table[int(row["raw_id"])] - 1


class OfficialSplitsTest:
    def test_every_scene_is_in_one_split(self):
        numbers = {split: (FOLDER / f"split_{split}.txt").read_text().split() for split in ("train", "test")}
        assert {split: len(found) for split, found in numbers.items()} == {"train": 795, "test": 654}
        assert sorted(map(int, numbers["train"] + numbers["test"])) == list(range(1, 1450))


class BuilderTest:
    def test_metadata_tells_the_tree(self, builder):
        tree = ClassTree.load("nyu_depth_v2")
        assert ClassTree.from_tfds(builder) == tree
        assert list(builder.info.metadata["class_paths"]) == [None, *tree.paths[:40]]

    @pytest.mark.parametrize("split, numbers", [("train", [3, 4, 5, 6]), ("test", [1, 2])])
    def test_scenes_come_back_as_they_were(self, split, numbers, builder):
        found = examples(builder, split)
        assert sorted(found) == [f"{number:04}" for number in numbers]
        with h5py.File(DUMMY_DATA / SCENES) as file:
            for name, example in found.items():
                image, depth, label = (file[variable][int(name) - 1].T for variable in ("images", "depths", "labels"))
                np.testing.assert_array_equal(example["image"], image)
                np.testing.assert_array_equal(example["depth"][..., 0], depth)
                assert example["depth"].dtype == np.float32
                np.testing.assert_array_equal(example["label"][..., 0], raw_to_40_classes()[label])

    def test_splits_of_the_user(self, manual_dir, tmp_path):
        numbers = {"trainNdxs": np.array([[6], [1]], np.uint16), "testNdxs": np.array([[2]], np.uint16)}
        scipy.io.savemat(manual_dir / "splits.mat", numbers, do_compression=True)
        builder = prepare(NAME, manual_dir, tmp_path / "data")
        assert (sorted(examples(builder, "train")), sorted(examples(builder, "test"))) == (["0001", "0006"], ["0002"])

    def test_a_file_without_check_sums_is_taken_with_a_warning(self, manual_dir, builder, tmp_path, caplog):
        with h5py.File(DUMMY_DATA / SCENES) as packed, h5py.File(manual_dir / SCENES, "w") as plain:
            for name in packed:
                plain[name] = packed[name][()]
        assert stored_examples(prepare(NAME, manual_dir, tmp_path / "data")) == stored_examples(builder)
        assert f"{manual_dir / SCENES} has no checksums" in caplog.text


class BadFilesTest:
    def fails(self, manual_dir):
        with pytest.raises(ImageFileError) as caught:
            prepare(NAME, manual_dir, manual_dir.parent / "data")
        assert not list((manual_dir.parent / "data").glob(f"{NAME}/*"))
        return str(caught.value)

    def test_missing_file_says_what_is_expected(self, manual_dir):
        (manual_dir / SCENES).rename(manual_dir / "nyu.mat")
        message = self.fails(manual_dir)
        assert str(manual_dir / SCENES) in message and "nyu.mat" in message and "2.8 GB" in message

    @pytest.mark.parametrize(
        "train, test, said",
        [
            ([1, 7], [2], "1 to 6 in `trainNdxs`"),
            ([1], [0], "1 to 6 in `testNdxs`"),
            ([1], [], "`testNdxs`"),
            ([1.5], [2], "`trainNdxs`"),
            ([1, 2, 2], [3], "[2] several times"),
            ([1, 2], [3, 1], "[1] several times"),
        ],
    )
    def test_splits_that_cannot_be(self, train, test, said, manual_dir):
        path = manual_dir / "splits.mat"
        scipy.io.savemat(path, {"trainNdxs": train, "testNdxs": test}, do_compression=True)
        message = self.fails(manual_dir)
        assert str(path) in message and said in message

    def test_damaged_scene_stops_it_or_is_left_out(self, manual_dir, tmp_path):
        with h5py.File(manual_dir / SCENES, "a") as file:
            file["labels"].id.write_direct_chunk((3, 0, 0), b"nothing")
        message = self.fails(manual_dir)
        assert str(manual_dir / SCENES) in message and "slice 3, counted from 0" in message
        builder = prepare(NAME, manual_dir, tmp_path / "data", skip_bad=True)
        assert num_examples(builder) == {"train": 3, "test": 2}


if __name__ == "__main__":
    tfds.testing.test_main()
