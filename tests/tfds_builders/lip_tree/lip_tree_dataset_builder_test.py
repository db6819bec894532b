"""LIP from tiny made-up files, one image in two of them gray, and from bad ones."""

import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from etils import epath
from PIL import Image

from hierseg_keras.tree import ClassTree
from tests.manual_data import examples, num_examples, prepare
from tfds_builders.lip_tree import lip_tree_dataset_builder
from tfds_builders.reading.file_problems import ImageFileError

DUMMY_DATA = epath.Path(__file__).parent / "dummy_data"
IMAGES, LABELS = "TrainVal_images", "TrainVal_parsing_annotations"
GRAY, COLORED = "10_1004.jpg", "684_21.jpg"


class LipTreeTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = lip_tree_dataset_builder.Builder
    EXAMPLE_DIR = DUMMY_DATA
    SPLITS = {"train": 3, "validation": 2}


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return prepare("lip_tree", DUMMY_DATA, tmp_path_factory.mktemp("data"))


@pytest.fixture
def manual_dir(tmp_path):
    """A copy of the dummy data to spoil."""
    shutil.copytree(DUMMY_DATA, tmp_path / "manual")
    return epath.Path(tmp_path / "manual")


class BuilderTest:
    def test_metadata_tells_the_tree_and_what_a_flip_swaps(self, builder):
        tree = ClassTree.load("lip")
        assert ClassTree.from_tfds(builder) == tree
        assert list(builder.info.metadata["class_paths"]) == list(tree.paths[:20])
        swapped = [[tree.index(path) for path in pair] for pair in builder.info.metadata["flip_pairs"]]
        assert swapped == [[14, 15], [16, 17], [18, 19]]

    def test_label_maps_come_back_as_they_were(self, builder):
        found = examples(builder, "train")
        assert sorted(found) == ["1000_1234574.jpg", GRAY, COLORED]
        for name, example in found.items():
            expected = Image.open(DUMMY_DATA / LABELS / "train_segmentations" / f"{name[:-4]}.png")
            np.testing.assert_array_equal(example["label"][..., 0], np.array(expected))

    def test_gray_images_have_three_channels(self, builder):
        found = examples(builder, "train")
        for name, mode in ((GRAY, "L"), (COLORED, "RGB")):
            stored = Image.open(DUMMY_DATA / IMAGES / "train_images" / name)
            assert stored.mode == mode
            # TensorFlow and Pillow round differently when they decode a JPEG.
            assert abs(found[name]["image"] - np.array(stored.convert("RGB")).astype(int)).max() <= 4

    def test_folders_may_be_doubled(self, manual_dir, tmp_path):
        for outer in (IMAGES, LABELS):
            (manual_dir / outer).rename(manual_dir / "moved")
            (manual_dir / outer).mkdir()
            (manual_dir / "moved").rename(manual_dir / outer / outer)
        for name in ("train_id.txt", "val_id.txt"):
            (manual_dir / IMAGES / IMAGES / name).rename(manual_dir / IMAGES / name)
        (manual_dir / IMAGES / "train_id.txt").write_text("684_21\n")
        assert num_examples(prepare("lip_tree", manual_dir, tmp_path / "data")) == {"train": 1, "validation": 2}

    def test_without_lists_all_is_taken_and_only_train_is_required(self, manual_dir, tmp_path):
        for path in (IMAGES + "/train_id.txt", IMAGES + "/val_id.txt"):
            (manual_dir / path).unlink()
        for path in (IMAGES + "/val_images", LABELS + "/val_segmentations"):
            (manual_dir / path).rmtree()
        assert num_examples(prepare("lip_tree", manual_dir, tmp_path / "data")) == {"train": 3}


class BadFilesTest:
    def fails(self, manual_dir):
        with pytest.raises(ImageFileError) as caught:
            prepare("lip_tree", manual_dir, manual_dir.parent / "data")
        assert not list((manual_dir.parent / "data").glob("lip_tree/*"))
        return str(caught.value)

    def test_missing_folders_say_what_is_expected(self, manual_dir):
        (manual_dir / LABELS).rmtree()
        message = self.fails(manual_dir)
        assert str(manual_dir) in message and "train_segmentations/x.png" in message

    def test_all_missing_files_are_told_at_once(self, manual_dir):
        (manual_dir / IMAGES / "train_images" / GRAY).unlink()
        (manual_dir / LABELS / "val_segmentations" / "86_1859.png").unlink()
        message = self.fails(manual_dir)
        for part in ("train_id.txt:2: ", f"train_images/{GRAY} does", "val_id.txt:1: ", "86_1859.png does"):
            assert part in message

    def test_half_a_split_is_refused(self, manual_dir):
        (manual_dir / IMAGES / "val_id.txt").unlink()
        (manual_dir / LABELS / "val_segmentations").rmtree()
        assert "val_segmentations: expected a folder" in self.fails(manual_dir)

    def test_foreign_ids_and_sizes_are_named(self, manual_dir):
        path = manual_dir / LABELS / "train_segmentations" / "684_21.png"
        label = np.array(Image.open(path))
        label[0, :2], label[0, 2] = 20, 255
        Image.fromarray(label).save(path)
        message = self.fails(manual_dir)
        assert str(path) in message and "20 (2 pixels), 255 (1 pixel)" in message
        Image.fromarray(label[:-1] % 20).save(path)
        message = self.fails(manual_dir)
        assert str(path) in message and "10 x 9" in message and "10 x 8" in message


if __name__ == "__main__":
    tfds.testing.test_main()
