"""Mapillary Vistas from tiny made-up files, in the layouts of both releases and in an archive."""

import pathlib
import shutil
import zipfile

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from etils import epath
from PIL import Image

from hierseg_keras.tree import ClassTree
from tests import manual_data
from tests.manual_data import examples, num_examples, stored_examples
from tfds_builders.mapillary_vistas_tree import mapillary_vistas_tree_dataset_builder
from tfds_builders.reading.file_problems import ImageFileError

DUMMY_DATA = epath.Path(__file__).parent / "dummy_data"
# Its label maps show every id in order.
ALL_IDS = "_0aBcDeFgHiJkLmNoPqRsT"


class MapillaryVistasTreeTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = mapillary_vistas_tree_dataset_builder.Builder
    EXAMPLE_DIR = DUMMY_DATA
    SPLITS = {"train": 3, "validation": 2}


def prepare(manual_dir, data_dir, config="v2.0"):
    return manual_data.prepare(f"mapillary_vistas_tree/{config}", manual_dir, data_dir)


def prepare_fails(manual_dir, tmp_path, config="v2.0"):
    with pytest.raises(ImageFileError) as caught:
        prepare(manual_dir, tmp_path / "data", config)
    return str(caught.value)


@pytest.fixture
def manual_dir(tmp_path):
    """A copy of the dummy data to spoil."""
    shutil.copytree(DUMMY_DATA, tmp_path / "manual [dir] é")
    return epath.Path(tmp_path / "manual [dir] é")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return {config: prepare(DUMMY_DATA, folder, config) for config in ("v2.0", "v2.0_official", "v1.2")}


class BuilderTest:
    @pytest.mark.parametrize(
        "config, tree_name, num_ids",
        [
            ("v2.0", "mapillary_vistas_v2", 124),
            ("v2.0_official", "mapillary_vistas_v2_official", 124),
            ("v1.2", "mapillary_vistas_v1_2", 66),
        ],
    )
    def test_ids_are_palette_indices_and_leaves(self, config, tree_name, num_ids, prepared):
        tree = ClassTree.load(tree_name)
        assert ClassTree.from_tfds(prepared[config]) == tree
        assert tuple(prepared[config].info.metadata["class_paths"]) == tree.paths[:num_ids]
        assert tree.num_leaves == num_ids
        label = examples(prepared[config], "train")[f"{ALL_IDS}.jpg"]["label"]
        np.testing.assert_array_equal(label[..., 0], np.arange(192).reshape(12, 16) % num_ids)

    def test_both_trees_of_release_2_name_the_same_classes(self):
        full = ClassTree.load("mapillary_vistas_v2")
        official = ClassTree.load("mapillary_vistas_v2_official")
        assert [path.replace("/", "--") for path in official.paths[:124]] == list(full.names[:124])

    def test_image_keeps_the_bytes_of_its_file(self, prepared):
        for example in stored_examples(prepared["v2.0"])["validation"]:
            path = DUMMY_DATA / "validation" / "images" / example["file_name"].decode()
            assert example["image"] == path.read_bytes()
        for name, example in examples(prepared["v2.0"], "validation").items():
            file = (DUMMY_DATA / "validation" / "images" / name).read_bytes()
            np.testing.assert_array_equal(example["image"], tf.io.decode_jpeg(file))

    def test_stand_alone_release_1_2(self, manual_dir, prepared, tmp_path):
        for folder in ("training", "validation"):
            (manual_dir / folder / "v1.2" / "labels").rename(manual_dir / folder / "labels")
        assert stored_examples(prepare(manual_dir, tmp_path / "data", "v1.2")) == stored_examples(prepared["v1.2"])

    def test_archive_is_read_in_place(self, prepared, tmp_path):
        (tmp_path / "manual").mkdir()
        with zipfile.ZipFile(tmp_path / "manual" / "any name.zip", "w") as archive:
            for path in sorted(pathlib.Path(DUMMY_DATA).rglob("*.*g")):
                archive.write(path, path.relative_to(DUMMY_DATA))
        for config, builder in prepared.items():
            assert stored_examples(prepare(tmp_path / "manual", tmp_path / "data", config)) == stored_examples(builder)

    def test_missing_labels_are_told_at_once(self, manual_dir, tmp_path):
        names = ["training/v2.0/labels/-1aBcDeFgHiJkLmNoPqRsT.png", "validation/v2.0/labels/3aBcDeFgHiJkLmNoPqRsTu.png"]
        for name in names:
            (manual_dir / name).unlink()
        message = prepare_fails(manual_dir, tmp_path)
        assert len(message.splitlines()) == 2
        for name in names:
            assert pathlib.PurePosixPath(name).stem in message
        assert num_examples(prepare(manual_dir, tmp_path / "data", "v1.2")) == {"train": 3, "validation": 2}

    def test_missing_release_is_told(self, manual_dir, tmp_path):
        shutil.rmtree(manual_dir / "training" / "v2.0")
        message = prepare_fails(manual_dir, tmp_path)
        assert f"{manual_dir / 'training'}: expected one of the folders v2.0/labels. Received: " in message
        assert "the stand-alone releases 1.0 to 1.2 work too" in message

    def test_ids_of_release_2_are_foreign_to_release_1(self, manual_dir, tmp_path):
        path = manual_dir / "training" / "v1.2" / "labels" / f"{ALL_IDS}.png"
        shutil.copy(manual_dir / "training" / "v2.0" / "labels" / f"{ALL_IDS}.png", path)
        message = prepare_fails(manual_dir, tmp_path, "v1.2")
        assert f"{path}: expected class ids in 0 .. 65. Received: 66 (2 pixels), 67 (2 pixels)" in message

    def test_image_that_is_turned_is_refused(self, manual_dir, tmp_path):
        path = manual_dir / "training" / "images" / f"{ALL_IDS}.jpg"
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.open(path).save(path, exif=exif)
        message = prepare_fails(manual_dir, tmp_path)
        assert str(path) in message and "EXIF orientation 6" in message

    def test_empty_and_foreign_folders_say_what_is_expected(self, tmp_path):
        (tmp_path / "manual" / "pictures").mkdir(parents=True)
        message = prepare_fails(tmp_path / "manual", tmp_path)
        assert "pictures" in message and "{training,validation}/images/<key>.jpg" in message
        for name in ("a.zip", "b.zip"):
            (tmp_path / "manual" / name).write_bytes(b"")
        assert "one .zip archive" in prepare_fails(tmp_path / "manual", tmp_path)
