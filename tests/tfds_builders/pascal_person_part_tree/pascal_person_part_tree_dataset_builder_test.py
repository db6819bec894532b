"""PASCAL-Person-Part from tiny made-up files in both forms, and from bad ones."""

import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from etils import epath
from PIL import Image

from hierseg_keras.tree import ClassTree
from tests.manual_data import examples, num_examples, prepare
from tfds_builders.pascal_person_part_tree import pascal_person_part_tree_dataset_builder
from tfds_builders.pascal_person_part_tree.person_parts import read_person_parts
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.id_lists import listed_ids

FOLDER = epath.Path(pascal_person_part_tree_dataset_builder.__file__).parent
DUMMY_DATA = epath.Path(__file__).parent / "dummy_data"
GROUND_TRUTH = "pascal_person_part/pascal_person_part_gt"
LISTS = "pascal_person_part/pascal_person_part_trainval_list"
NAME = "pascal_person_part_tree"


class PascalPersonPartTreeTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = pascal_person_part_tree_dataset_builder.Builder
    EXAMPLE_DIR = DUMMY_DATA
    SPLITS = {"train": 3, "validation": 2}


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    return prepare(f"{NAME}/released", DUMMY_DATA, tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def pascal_part(tmp_path_factory):
    return prepare(f"{NAME}/pascal_part", DUMMY_DATA, tmp_path_factory.mktemp("data"))


@pytest.fixture
def manual_dir(tmp_path):
    """A copy of the dummy data to spoil."""
    shutil.copytree(DUMMY_DATA, tmp_path / "manual")
    return epath.Path(tmp_path / "manual")


class PublishedListsTest:
    def test_as_many_ids_as_published_and_none_in_both(self):
        (train, train_problems), (validation, validation_problems) = (
            listed_ids(FOLDER / name) for name in ("train_id.txt", "val_id.txt")
        )
        assert (len(train), len(validation)) == (1716, 1817) and not train_problems + validation_problems
        assert not train.keys() & validation.keys()


class BuilderTest:
    def test_metadata_tells_the_tree_and_what_the_last_id_means(self, released, pascal_part):
        tree = ClassTree.load("pascal_person_part")
        for builder, last in ((released, None), (pascal_part, "full-body")):
            assert ClassTree.from_tfds(builder) == tree
            assert list(builder.info.metadata["class_paths"]) == [*tree.paths[: tree.num_leaves], last]
            assert builder.info.metadata["flip_pairs"] == []

    def test_palettes_are_read_as_indices_and_void_is_unlabeled(self, released):
        found = examples(released, "train")
        assert sorted(found) == ["2008_000008.jpg", "2008_000036.jpg", "2008_000041.jpg"]
        for name, example in found.items():
            stored = Image.open(DUMMY_DATA / GROUND_TRUTH / f"{name[:-4]}.png")
            label = np.array(stored)
            assert stored.mode == "P" and (label == 255).sum() == 1
            np.testing.assert_array_equal(example["label"][..., 0], np.where(label == 255, 7, label))

    def test_parts_become_label_maps(self, pascal_part):
        for name, example in examples(pascal_part, "validation").items():
            expected = read_person_parts(DUMMY_DATA / "Annotations_Part" / f"{name[:-4]}.mat")
            np.testing.assert_array_equal(example["label"], expected)
            assert set(np.unique(expected)) == set(range(8))

    def test_images_are_stored_as_they_are(self, released):
        for name, example in examples(released, "validation").items():
            pixels = np.array(Image.open(DUMMY_DATA / "JPEGImages" / name)).astype(int)
            # TensorFlow and Pillow round differently when they decode a JPEG.
            assert abs(example["image"] - pixels).max() <= 4

    @pytest.mark.parametrize("voc", ["VOCdevkit/VOC2010", "VOC2012"])
    def test_other_folders_and_the_published_lists(self, voc, manual_dir, tmp_path):
        (manual_dir / voc).mkdir(parents=True)
        (manual_dir / "JPEGImages").rename(manual_dir / voc / "JPEGImages")
        (manual_dir / GROUND_TRUTH).rename(manual_dir / "SegmentationPart")
        shutil.rmtree(manual_dir / "pascal_person_part")
        (manual_dir / voc / "JPEGImages" / "2008_000012.jpg").write_bytes(b"of an image without persons")
        (manual_dir / "SegmentationPart" / "2008_000041.png").unlink()
        builder = prepare(NAME, manual_dir, tmp_path / "data")
        assert num_examples(builder) == {"train": 2, "validation": 2}

    def test_a_split_without_annotations_is_left_out(self, manual_dir, tmp_path):
        shutil.rmtree(manual_dir / "pascal_person_part")
        for name in ("2008_000003.mat", "2008_000026.mat"):
            (manual_dir / "Annotations_Part" / name).unlink()
        builder = prepare(f"{NAME}/pascal_part", manual_dir, tmp_path / "data")
        assert num_examples(builder) == {"train": 3}


class BadFilesTest:
    def fails(self, manual_dir, config="released"):
        with pytest.raises(ImageFileError) as caught:
            prepare(f"{NAME}/{config}", manual_dir, manual_dir.parent / "data")
        assert not list((manual_dir.parent / "data").glob(f"{NAME}/{config}/*"))
        return str(caught.value)

    def test_missing_folders_say_what_is_expected(self, manual_dir):
        shutil.rmtree(manual_dir / "Annotations_Part")
        message = self.fails(manual_dir, "pascal_part")
        assert str(manual_dir) in message and "Annotations_Part/x.mat" in message
        shutil.rmtree(manual_dir / "JPEGImages")
        assert "VOCdevkit/VOC2010/JPEGImages" in self.fails(manual_dir)

    def test_all_missing_files_are_told_at_once(self, manual_dir):
        (manual_dir / GROUND_TRUTH / "2008_000008.png").unlink()
        (manual_dir / "JPEGImages" / "2008_000026.jpg").unlink()
        message = self.fails(manual_dir)
        for part in ("train_id.txt:1: ", "gt/2008_000008.png", "val_id.txt:2: ", "JPEGImages/2008_000026.jpg"):
            assert part in message

    def test_missing_images_of_published_ids_are_told(self, manual_dir):
        shutil.rmtree(manual_dir / LISTS)
        (manual_dir / "JPEGImages" / "2008_000036.jpg").unlink()
        message = self.fails(manual_dir)
        assert "gt/2008_000036.png: " in message and "JPEGImages/2008_000036.jpg does not exist" in message

    def test_annotations_of_no_published_id(self, manual_dir):
        shutil.rmtree(manual_dir / LISTS)
        for path in (manual_dir / GROUND_TRUTH).iterdir():
            path.unlink()
        assert "expected <id>.png" in self.fails(manual_dir)

    def test_damaged_and_foreign_labels_are_named(self, manual_dir):
        path = manual_dir / GROUND_TRUTH / "2008_000036.png"
        Image.fromarray(np.full((9, 12), 38, np.uint8)).save(path)
        message = self.fails(manual_dir)
        assert str(path) in message and "38 (108 pixels)" in message
        path = manual_dir / "Annotations_Part" / "2008_000041.mat"
        path.write_bytes(path.read_bytes()[:300])
        assert str(path) in self.fails(manual_dir, "pascal_part")


if __name__ == "__main__":
    tfds.testing.test_main()
