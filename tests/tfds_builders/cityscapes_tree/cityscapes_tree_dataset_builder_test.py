"""Cityscapes from tiny made-up files: in folders, in archives, in hostile archives, and with files missing."""

import pathlib
import shutil
import zipfile

import numpy as np
import pytest
import tensorflow_datasets as tfds
from etils import epath
from PIL import Image

from hierseg_keras.tree import ClassTree
from tests import manual_data
from tests.manual_data import examples, num_examples, stored_examples
from tfds_builders.cityscapes_tree import cityscapes_tree_dataset_builder, class_ids
from tfds_builders.reading.file_problems import ImageFileError

DUMMY_DATA = epath.Path(__file__).parent / "dummy_data"
FRAME = "val/frankfurt/frankfurt_000000_000294"


class CityscapesTreeTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = cityscapes_tree_dataset_builder.Builder
    EXAMPLE_DIR = DUMMY_DATA
    SPLITS = {"train": 3, "validation": 2, "test": 1}
    # `coarse` has other files.
    BUILDER_CONFIG_NAMES_TO_TEST = ["fine", "fine_categories", "fine_instances"]


def prepare(manual_dir, data_dir, config="fine", **options):
    return manual_data.prepare("cityscapes_tree", manual_dir, data_dir, config=config, **options)


def prepare_fails(manual_dir, tmp_path, config="fine"):
    with pytest.raises(ImageFileError) as caught:
        prepare(manual_dir, tmp_path / "data", config)
    return str(caught.value)


def zip_folder(folder, archive):
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(pathlib.Path(folder).rglob("*")):
            file.write(path, path.relative_to(folder.parent))
        file.writestr("README", "of the archive")


@pytest.fixture
def manual_dir(tmp_path):
    """A copy of the dummy data to spoil."""
    shutil.copytree(DUMMY_DATA, tmp_path / "manual [dir] é")
    return epath.Path(tmp_path / "manual [dir] é")


@pytest.fixture
def zipped_dir(tmp_path):
    folder = epath.Path(tmp_path / "zipped")
    folder.mkdir()
    for name in ("leftImg8bit", "gtFine"):
        zip_folder(DUMMY_DATA / name, folder / f"{name}_trainvaltest.zip")
    return folder


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return prepare(DUMMY_DATA, tmp_path_factory.mktemp("data"), "fine_instances")


class ClassIdsTest:
    def test_trained_ids_are_the_leaves_in_order(self):
        tree = ClassTree.load("cityscapes")
        paths = class_ids.class_paths(untrained_as_category=False)
        assert tuple(filter(None, paths)) == tree.paths[:19]
        assert len(paths) == 34 and paths[7] == "flat/road" and paths[33] == "vehicle/bicycle"

    def test_other_ids_may_mean_their_category(self):
        paths = class_ids.class_paths(untrained_as_category=True)
        assert paths[:7] == [None] * 7
        assert {id_: paths[id_] for id_ in (9, 10, 14, 15, 16, 18, 29, 30)} == {
            9: "flat",
            10: "flat",
            14: "construction",
            15: "construction",
            16: "construction",
            18: "object",
            29: "vehicle",
            30: "vehicle",
        }


class BuilderTest:
    def test_pixels_come_back_as_they_were(self, prepared):
        found = examples(prepared, "train")
        assert sorted(found) == sorted(path.name for path in DUMMY_DATA.glob("leftImg8bit/train/*/*.png"))
        for name, example in found.items():
            city = name.split("_")[0]
            label = DUMMY_DATA / "gtFine" / "train" / city / name.replace("leftImg8bit", "gtFine_labelIds")
            expected = np.array(Image.open(DUMMY_DATA / "leftImg8bit" / "train" / city / name))
            np.testing.assert_array_equal(example["image"], expected)
            np.testing.assert_array_equal(example["label"][..., 0], np.array(Image.open(label)))
            expected = np.array(Image.open(label.with_name(label.name.replace("labelIds", "instanceIds"))))
            np.testing.assert_array_equal(example["instances"][..., 0], expected)
            assert example["label"].dtype == np.uint8 and example["instances"].dtype == np.uint16

    def test_image_keeps_the_bytes_of_its_file(self, prepared):
        file = next(DUMMY_DATA.glob("leftImg8bit/test/*/*.png"))
        assert [example["image"] for example in stored_examples(prepared)["test"]] == [file.read_bytes()]

    def test_labels_of_the_test_split_are_void(self, prepared):
        for example in examples(prepared, "test").values():
            assert {prepared.info.metadata["class_paths"][id_] for id_ in np.unique(example["label"])} == {None}

    def test_sizes_and_ids_are_checked(self, manual_dir, tmp_path):
        path = manual_dir / "gtFine" / f"{FRAME}_gtFine_labelIds.png"
        label = np.array(Image.open(path))
        Image.fromarray(label.T).save(path)
        assert str(path) in prepare_fails(manual_dir, tmp_path)
        label[0, :2] = 34
        Image.fromarray(label).save(path)
        assert f"{path}: expected class ids in 0 .. 33. Received: 34 (2 pixels)" in prepare_fails(manual_dir, tmp_path)

    def test_size_of_instances_is_checked(self, manual_dir, tmp_path):
        path = manual_dir / "gtFine" / f"{FRAME}_gtFine_instanceIds.png"
        Image.fromarray(np.zeros((8, 6), np.uint16)).save(path)
        assert str(path) in prepare_fails(manual_dir, tmp_path, "fine_instances")

    def test_all_missing_files_are_told_at_once(self, manual_dir, tmp_path):
        missing = [f"leftImg8bit/{FRAME}_leftImg8bit.png", f"gtFine/{FRAME}_gtFine_instanceIds.png"]
        missing.append("gtFine/train/aachen/aachen_000001_000019_gtFine_labelIds.png")
        for name in missing:
            (manual_dir / name).unlink()
        message = prepare_fails(manual_dir, tmp_path, "fine_instances")
        assert [str(manual_dir / name) in message for name in missing] == [True] * 3
        assert "expected beside" in message and "2 more files have this problem" in message

    def test_missing_frames_may_be_left_out(self, manual_dir, tmp_path):
        (manual_dir / "gtFine" / f"{FRAME}_gtFine_labelIds.png").unlink()
        builder = prepare(manual_dir, tmp_path / "data", skip_bad=True)
        assert num_examples(builder)["validation"] == 1
        assert FRAME in (epath.Path(builder.data_dir) / "left_out.txt").read_text()

    def test_splits_that_are_there_are_enough(self, manual_dir, tmp_path):
        for folder in ("leftImg8bit", "gtFine"):
            for split in ("train", "test"):
                shutil.rmtree(manual_dir / folder / split)
        assert num_examples(prepare(manual_dir, tmp_path / "data")) == {"validation": 2}

    def test_empty_and_foreign_folders_say_what_is_expected(self, tmp_path):
        (tmp_path / "manual" / "pictures").mkdir(parents=True)
        message = prepare_fails(tmp_path / "manual", tmp_path)
        assert "leftImg8bit_trainvaltest.zip" in message and "pictures" in message
        for folder in ("leftImg8bit", "gtFine"):
            (tmp_path / "manual" / folder).mkdir()
        assert "<split>/<city>" in prepare_fails(tmp_path / "manual", tmp_path)


class ArchiveTest:
    def test_same_examples_as_from_folders(self, zipped_dir, prepared, tmp_path):
        builder = prepare(zipped_dir, tmp_path / "data", "fine_instances")
        assert stored_examples(builder) == stored_examples(prepared)

    def test_one_archive_and_one_folder(self, zipped_dir, tmp_path):
        (zipped_dir / "gtFine_trainvaltest.zip").unlink()
        shutil.copytree(DUMMY_DATA / "gtFine", zipped_dir / "gtFine")
        assert num_examples(prepare(zipped_dir, tmp_path / "data")) == {"train": 3, "validation": 2, "test": 1}

    def test_missing_members_are_told_at_once(self, manual_dir, zipped_dir, tmp_path):
        names = [f"{FRAME}_gtFine_labelIds.png", "test/berlin/berlin_000000_000019_gtFine_labelIds.png"]
        for name in names:
            (manual_dir / "gtFine" / name).unlink()
        zip_folder(manual_dir / "gtFine", zipped_dir / "gtFine_trainvaltest.zip")
        message = prepare_fails(zipped_dir, tmp_path)
        assert "expected beside" in message and "1 more file has this problem" in message
        for name in names:
            assert f"{zipped_dir / 'gtFine_trainvaltest.zip'}/gtFine/{name}" in message

    def test_damaged_member_is_named(self, zipped_dir, tmp_path):
        archive = zipped_dir / "leftImg8bit_trainvaltest.zip"
        member = f"leftImg8bit/{FRAME}_leftImg8bit.png"
        with zipfile.ZipFile(archive) as file:
            place = file.getinfo(member).header_offset + 120
        content = bytearray(archive.read_bytes())
        content[place] ^= 0x55
        archive.write_bytes(content)
        assert f"{archive}/{member}: expected a complete PNG file" in prepare_fails(zipped_dir, tmp_path)


@pytest.fixture
def coarse_dir(tmp_path):
    """The dummy data as the downloads of the coarse annotations: the fine labels stand for coarse ones."""
    folder = epath.Path(tmp_path / "coarse")
    for split, source in {"train": "train", "train_extra": "train", "val": "val"}.items():
        for kind, fine in {"leftImg8bit": "leftImg8bit", "gtCoarse": "gtFine"}.items():
            for path in (DUMMY_DATA / fine / source).glob("*/*.png"):
                city = "nuremberg" if split == "train_extra" else path.parent.name
                name = path.name.replace(path.parent.name, city).replace("gtFine", "gtCoarse")
                (folder / kind / split / city).mkdir(parents=True, exist_ok=True)
                path.copy(folder / kind / split / city / name, overwrite=True)
    return folder


def zip_coarse(folder):
    """The folders as the three archives that Cityscapes gives out."""
    zip_folder(folder / "gtCoarse", folder / "gtCoarse.zip")
    extra = folder / "extra" / "leftImg8bit"
    extra.mkdir(parents=True)
    (folder / "leftImg8bit" / "train_extra").rename(extra / "train_extra")
    zip_folder(extra, folder / "leftImg8bit_trainextra.zip")
    zip_folder(folder / "leftImg8bit", folder / "leftImg8bit_trainvaltest.zip")
    for name in ("gtCoarse", "leftImg8bit", "extra"):
        (folder / name).rmtree()


class CoarseTest:
    def test_labels_are_those_of_the_coarse_files(self, coarse_dir, tmp_path):
        builder = prepare(coarse_dir, tmp_path / "data", "coarse")
        assert num_examples(builder) == {"train": 3, "train_extra": 2, "validation": 2}
        for name, example in examples(builder, "train_extra").items():
            label = coarse_dir / "gtCoarse/train_extra/nuremberg" / name.replace("leftImg8bit", "gtCoarse_labelIds")
            np.testing.assert_array_equal(example["label"][..., 0], np.array(Image.open(label)))
        assert builder.published == {"train": 2975, "train_extra": 19998, "validation": 500}
        assert ClassTree.from_tfds(builder) == ClassTree.load("cityscapes")

    def test_archives_have_the_same_examples_as_folders(self, coarse_dir, tmp_path):
        expected = stored_examples(prepare(coarse_dir, tmp_path / "data", "coarse"))
        zip_coarse(coarse_dir)
        assert stored_examples(prepare(coarse_dir, tmp_path / "zipped", "coarse")) == expected
        # The images of the further archive alone, whose labels lie in one archive with others.
        (coarse_dir / "leftImg8bit_trainvaltest.zip").unlink()
        assert num_examples(prepare(coarse_dir, tmp_path / "extra", "coarse")) == {"train_extra": 2}

    def test_splits_that_the_folder_lacks_are_read_from_archives(self, coarse_dir, tmp_path):
        expected = stored_examples(prepare(coarse_dir, tmp_path / "data", "coarse"))
        folders = tmp_path / "folders"
        shutil.copytree(coarse_dir / "leftImg8bit", folders)
        zip_coarse(coarse_dir)
        # One of the archives was unpacked.
        for name, unpacked in {"extra": ["train_extra"], "main": ["train", "val"]}.items():
            for split in unpacked:
                shutil.copytree(folders / split, coarse_dir / "leftImg8bit" / split)
            assert stored_examples(prepare(coarse_dir, tmp_path / name, "coarse")) == expected
            shutil.rmtree(coarse_dir / "leftImg8bit")

    def test_missing_labels_are_told(self, coarse_dir, tmp_path):
        missing = next((coarse_dir / "gtCoarse" / "train_extra").glob("*/*_gtCoarse_labelIds.png"))
        missing.unlink()
        assert str(missing) in prepare_fails(coarse_dir, tmp_path, "coarse")

    def test_fine_annotations_do_not_see_the_further_images(self, coarse_dir, tmp_path):
        shutil.copytree(DUMMY_DATA / "gtFine", coarse_dir / "gtFine")
        shutil.copytree(DUMMY_DATA / "leftImg8bit" / "test", coarse_dir / "leftImg8bit" / "test")
        assert num_examples(prepare(coarse_dir, tmp_path / "data")) == {"train": 3, "validation": 2, "test": 1}
