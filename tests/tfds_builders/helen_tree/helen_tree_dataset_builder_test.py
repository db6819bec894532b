"""Helen from tiny made-up maps of probabilities, and from bad ones."""

import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from etils import epath
from PIL import Image

from hierseg_keras.tree import ClassTree
from tests.manual_data import examples, num_examples, prepare
from tfds_builders.helen_tree import helen_tree_dataset_builder
from tfds_builders.reading.file_problems import ImageFileError

DUMMY_DATA = epath.Path(__file__).parent / "dummy_data"
ROOT = "SmithCVPR2013_dataset_resized"


class HelenTreeTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = helen_tree_dataset_builder.Builder
    EXAMPLE_DIR = DUMMY_DATA
    SPLITS = {"train": 2, "validation": 1, "test": 1}


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return prepare("helen_tree", DUMMY_DATA, tmp_path_factory.mktemp("data"))


@pytest.fixture
def manual_dir(tmp_path):
    """A copy of the dummy data to spoil."""
    shutil.copytree(DUMMY_DATA, tmp_path / "manual")
    return epath.Path(tmp_path / "manual")


class BuilderTest:
    def test_metadata_tells_the_tree_and_what_a_flip_swaps(self, builder):
        tree = ClassTree.load("helen")
        assert ClassTree.from_tfds(builder) == tree
        assert list(builder.info.metadata["class_paths"]) == list(tree.paths[:11])
        swapped = [[tree.index(path) for path in pair] for pair in builder.info.metadata["flip_pairs"]]
        assert swapped == [[2, 3], [4, 5]]

    def test_labels_are_the_most_probable_classes(self, builder):
        found = examples(builder, "train")
        assert sorted(found) == ["100032540_1.jpg", "232194_1.jpg"]
        for name, example in found.items():
            stem = name.removesuffix(".jpg")
            maps = [DUMMY_DATA / ROOT / "labels" / stem / f"{stem}_lbl{class_id:02}.png" for class_id in range(11)]
            expected = np.argmax([np.array(Image.open(path)) for path in maps], axis=0)
            np.testing.assert_array_equal(example["label"][..., 0], expected)
            assert example["image"].shape == (*expected.shape, 3)

    @pytest.mark.parametrize("root", ["", "SmithCVPR2013_dataset_original"])
    def test_other_folders_and_only_exemplars_are_required(self, root, manual_dir, tmp_path):
        for name in ("tuning.txt", "testing.txt"):
            (manual_dir / ROOT / name).unlink()
        (manual_dir / ROOT).rename(tmp_path / "other" if not root else manual_dir / root)
        builder = prepare("helen_tree", manual_dir if root else tmp_path / "other", tmp_path / "data")
        assert num_examples(builder) == {"train": 2}


class BadFilesTest:
    def fails(self, manual_dir):
        with pytest.raises(ImageFileError) as caught:
            prepare("helen_tree", manual_dir, manual_dir.parent / "data")
        assert not list((manual_dir.parent / "data").glob("helen_tree/*"))
        return str(caught.value)

    def test_missing_folders_and_lists_say_what_is_expected(self, manual_dir):
        (manual_dir / ROOT / "exemplars.txt").unlink()
        assert f"{manual_dir / ROOT}/exemplars.txt: expected a list" in self.fails(manual_dir)
        (manual_dir / ROOT / "labels").rmtree()
        message = self.fails(manual_dir)
        assert str(manual_dir) in message and "x_lbl00.png .. x_lbl10.png" in message

    def test_all_missing_files_are_told_at_once(self, manual_dir):
        (manual_dir / ROOT / "images" / "232194_1.jpg").unlink()
        (manual_dir / ROOT / "labels" / "10405146_1").rmtree()
        for class_id in ("03", "10"):
            (manual_dir / ROOT / "labels" / "107276662_1" / f"107276662_1_lbl{class_id}.png").unlink()
        message = self.fails(manual_dir)
        for part in (
            "exemplars.txt:2: ",
            "images/232194_1.jpg does",
            "tuning.txt:1: ",
            "labels/10405146_1 does",
            "labels/107276662_1: ",
            "none named 107276662_1_lbl03.png, 107276662_1_lbl10.png",
        ):
            assert part in message

    def test_damaged_maps_and_sizes_are_named(self, manual_dir):
        path = manual_dir / ROOT / "labels" / "232194_1" / "232194_1_lbl07.png"
        whole = path.read_bytes()
        path.write_bytes(whole[:-20])
        assert str(path) in self.fails(manual_dir)
        path.write_bytes(whole)
        image = manual_dir / ROOT / "images" / "232194_1.jpg"
        Image.new("RGB", (8, 6)).save(image)
        message = self.fails(manual_dir)
        assert str(image) in message and "8 x 6" in message and "6 x 8" in message


if __name__ == "__main__":
    tfds.testing.test_main()
