"""CamVid from tiny made-up files, from bad ones, and, where `CAMVID_DIR` says where it lies, from the real ones."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from etils import epath
from PIL import Image

from hierseg_keras.tree import ClassTree
from tfds_builders import tree_features
from tfds_builders.camvid_tree import camvid_tree_dataset_builder
from tfds_builders.reading.file_problems import ImageFileError

DUMMY_DATA = epath.Path(__file__).parent / "dummy_data"
CAMVID_DIR = os.environ.get("CAMVID_DIR")


class CamvidTreeTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = camvid_tree_dataset_builder.Builder
    EXAMPLE_DIR = DUMMY_DATA
    BUILDER_CONFIG_NAMES_TO_TEST = ["categories", "groups"]
    SPLITS = {"train": 3, "validation": 2, "test": 1}


class CamvidTreeOriginalTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = camvid_tree_dataset_builder.Builder
    EXAMPLE_DIR = DUMMY_DATA
    BUILDER_CONFIG_NAMES_TO_TEST = ["original"]
    EXAMPLE_DIR = DUMMY_DATA / "original"
    SPLITS = {"train": 3, "validation": 1, "test": 1}


@pytest.fixture
def manual_dir(tmp_path):
    """A copy of the dummy data to spoil."""
    folder = tmp_path / "manual dir é"
    shutil.copytree(DUMMY_DATA, folder)
    return folder


def prepare(manual_dir, data_dir, config="categories"):
    builder = tfds.builder("camvid_tree", config=config, data_dir=data_dir)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
            manual_dir=manual_dir, compute_stats=tfds.download.ComputeStatsMode.SKIP
        )
    )
    return builder


def prepare_fails(manual_dir, tmp_path):
    """The message; nothing that looks like a prepared data set is left."""
    with pytest.raises(ImageFileError) as caught:
        prepare(manual_dir, tmp_path / "data")
    assert not list((tmp_path / "data").glob("camvid_tree/categories/*"))
    return str(caught.value)


def records(builder, split):
    examples = tfds.as_numpy(builder.as_dataset(split=split))
    return {example["file_name"].decode(): example for example in examples}


class BuilderTest:
    @pytest.mark.parametrize("config, tree_name", [("categories", "camvid"), ("groups", "camvid_groups")])
    def test_metadata_tells_the_tree(self, config, tree_name, manual_dir, tmp_path):
        builder = prepare(manual_dir, tmp_path / "data", config)
        tree = ClassTree.load(tree_name)
        assert ClassTree.from_tfds(builder) == tree
        assert list(builder.info.metadata["class_paths"]) == [*tree.paths[: tree.num_leaves], None]
        assert builder.info.metadata["flip_pairs"] == []
        assert builder.info.features["label"].names == [*tree.paths[: tree.num_leaves], tree_features.UNLABELED]

    def test_pixels_come_back_as_they_were(self, manual_dir, tmp_path):
        found = records(prepare(manual_dir, tmp_path / "data"), "train")
        assert sorted(found) == sorted(path.name for path in (manual_dir / "train").iterdir())
        for name, example in found.items():
            np.testing.assert_array_equal(example["image"], np.array(Image.open(manual_dir / "train" / name)))
            expected = np.array(Image.open(manual_dir / "trainannot" / name))
            np.testing.assert_array_equal(example["label"][..., 0], expected)
            assert example["label"].dtype == np.uint8

    @pytest.mark.large
    def test_fresh_process_reads_it_by_name_and_from_its_folder(self, manual_dir, tmp_path):
        builder = prepare(manual_dir, tmp_path / "data", "groups")
        script = """
import json, sys
import tensorflow_datasets as tfds

def told(builder):
    return dict(builder.info.metadata), builder.info.features["label"].names, sorted(builder.info.splits)

from_folder = told(tfds.builder_from_directory(sys.argv[1]))
import tfds_builders
print(json.dumps([from_folder, told(tfds.builder("camvid_tree/groups", data_dir=sys.argv[2]))]))
"""
        command = [sys.executable, "-c", script, str(builder.data_dir), str(tmp_path / "data")]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        for metadata, names, splits in json.loads(result.stdout.splitlines()[-1]):
            assert metadata == dict(builder.info.metadata)
            assert names == builder.info.features["label"].names
            assert splits == ["test", "train", "validation"]

    @pytest.mark.parametrize("parent", ["CamVid", "SegNet/CamVid"])
    def test_folders_may_lie_deeper(self, parent, manual_dir, tmp_path):
        deep = tmp_path / "deep"
        shutil.copytree(manual_dir, deep / parent)
        assert prepare(deep, tmp_path / "data").info.splits["train"].num_examples == 3

    def test_only_train_is_required(self, manual_dir, tmp_path):
        for folder in ("val", "valannot", "test", "testannot"):
            shutil.rmtree(manual_dir / folder)
        assert list(prepare(manual_dir, tmp_path / "data").info.splits) == ["train"]

    def test_empty_and_foreign_folders_say_what_is_expected(self, tmp_path):
        (tmp_path / "manual" / "pictures").mkdir(parents=True)
        message = prepare_fails(tmp_path / "manual", tmp_path)
        assert str(tmp_path / "manual") in message and "trainannot/x.png" in message and "pictures" in message

    def test_missing_manual_dir_says_what_is_expected(self, tmp_path):
        with pytest.raises(AssertionError, match="trainannot/x.png"):
            prepare(tmp_path / "nowhere", tmp_path / "data")

    def test_all_missing_counterparts_are_told_at_once(self, manual_dir, tmp_path):
        (manual_dir / "trainannot" / "0001TP_000010.png").unlink()
        (manual_dir / "train" / "0016E5_00030.png").unlink()
        (manual_dir / "valannot" / "0016E5_00050.png").unlink()
        message = prepare_fails(manual_dir, tmp_path)
        for part in ("train/0001TP_000010.png", "trainannot/0016E5_00030.png", "val/0016E5_00050.png"):
            assert part in message

    def test_half_a_split_is_refused(self, manual_dir, tmp_path):
        shutil.rmtree(manual_dir / "val")
        assert f"{manual_dir}/val: expected a folder" in prepare_fails(manual_dir, tmp_path)

    def test_foreign_id_stops_it_and_mending_the_file_is_enough(self, manual_dir, tmp_path):
        path = manual_dir / "valannot" / "0016E5_00040.png"
        whole = path.read_bytes()
        label = np.array(Image.open(path))
        label[0, :3], label[1, 0] = 12, 255
        Image.fromarray(label).save(path)
        message = prepare_fails(manual_dir, tmp_path)
        assert str(path) in message and "12 (3 pixels), 255 (1 pixel)" in message and "0 .. 11" in message
        path.write_bytes(whole)
        assert prepare(manual_dir, tmp_path / "data").info.splits["validation"].num_examples == 2

    def test_list_file_chooses(self, manual_dir, tmp_path):
        line = "/SegNet/CamVid/train/{0}.png /SegNet/CamVid/trainannot/{0}.png\n"
        (manual_dir / "train.txt").write_text(line.format("0006R0_f00020") + "\n" + line.format("0001TP_000010"))
        found = records(prepare(manual_dir, tmp_path / "data"), "train")
        assert sorted(found) == ["0001TP_000010.png", "0006R0_f00020.png"]

    def test_list_file_with_faults_names_every_line(self, manual_dir, tmp_path):
        lines = [
            "/SegNet/CamVid/train/0001TP_000010.png /SegNet/CamVid/trainannot/0001TP_000010.png",
            "/SegNet/CamVid/train/lost.png /SegNet/CamVid/trainannot/lost.png",
            "train/0001TP_000010.png",
            "train/0001TP_000010.png trainannot/0006R0_f00020.png",
            "train/0001TP_000010.png trainannot/0001TP_000010.png",
            "val/0016E5_00040.png valannot/0016E5_00040.png",
            "train/.. trainannot/..",
        ]
        (manual_dir / "train.txt").write_text("\n".join(lines))
        message = prepare_fails(manual_dir, tmp_path)
        assert [f"train.txt:{n}:" in message for n in range(1, 8)] == [False] + 6 * [True]
        assert "listed twice, first in line 1" in message


class OriginalReleaseTest:
    @pytest.fixture
    def original_dir(self, manual_dir):
        return manual_dir / "original"

    def test_colors_are_the_alphabetical_ids_and_void_is_no_label(self, original_dir, tmp_path):
        builder = prepare(original_dir, tmp_path / "data", "original")
        tree, class_paths = ClassTree.load("camvid_original"), builder.info.metadata["class_paths"]
        assert ClassTree.from_tfds(builder) == tree
        assert len(class_paths) == 32 and class_paths[30] is None and class_paths[31] == "fixed-objects/Wall"
        assert sorted(filter(None, class_paths)) == sorted(tree.paths[:31])
        # The first dummy image shows every id in order.
        label = records(builder, "train")["0001TP_000010.png"]["label"]
        np.testing.assert_array_equal(label[..., 0], np.arange(48).reshape(6, 8) % 32)
        colors = np.array(Image.open(original_dir / "LabeledApproved_full" / "0001TP_000010_L.png"))
        assert colors[3, 7].tolist() == [64, 192, 0]

    def test_without_lists_all_is_train(self, original_dir, tmp_path):
        for name in ("train.txt", "val.txt", "test.txt"):
            (original_dir / name).unlink()
        splits = prepare(original_dir, tmp_path / "data", "original").info.splits
        assert {name: split.num_examples for name, split in splits.items()} == {"train": 5}

    def test_numbers_are_those_of_the_lists_if_there_are_lists(self, original_dir, tmp_path):
        published = prepare(original_dir, tmp_path / "data", "original").published
        assert published == {"train": 367, "validation": 101, "test": 233}

    def test_labels_without_their_folder_are_told_with_what_to_do(self, original_dir, tmp_path):
        labels = original_dir / "LabeledApproved_full"
        for path in labels.iterdir():
            path.rename(original_dir / path.name)
        labels.rmdir()
        with pytest.raises(ImageFileError, match="unzip LabeledApproved_full.zip -d LabeledApproved_full"):
            prepare(original_dir, tmp_path / "data", "original")

    def test_foreign_color_names_file_color_and_count(self, original_dir, tmp_path):
        path = original_dir / "LabeledApproved_full" / "0016E5_00040_L.png"
        colors = np.array(Image.open(path))
        colors[:2, 0] = (0, 128, 92)
        Image.fromarray(colors).save(path)
        with pytest.raises(ImageFileError) as caught:
            prepare(original_dir, tmp_path / "data", "original")
        assert str(path) in str(caught.value) and "RGB 0, 128, 92 (2 pixels)" in str(caught.value)

    def test_all_missing_counterparts_and_list_faults_are_told_at_once(self, original_dir, tmp_path):
        (original_dir / "701_StillsRaw_full" / "0001TP_000010.png").unlink()
        (original_dir / "LabeledApproved_full" / "Seq05VD_f00060_L.png").unlink()
        with pytest.raises(ImageFileError) as caught:
            prepare(original_dir, tmp_path / "data", "original")
        for part in ("full/0001TP_000010_L.png", "full/Seq05VD_f00060.png", "train.txt:1: ", "test.txt:1: "):
            assert part in str(caught.value)


@pytest.mark.skipif(not CAMVID_DIR, reason="CAMVID_DIR is not set: the real CamVid is not at hand")
class RealCamvidTest:
    def test_real_pairs_are_read(self, tmp_path):
        for split, count in (("train", 12), ("val", 12), ("test", 12)):
            for folder in (split, f"{split}annot"):
                (tmp_path / "manual" / folder).mkdir(parents=True)
                for path in sorted((epath.Path(CAMVID_DIR) / folder).glob("*.png"))[:count]:
                    (tmp_path / "manual" / folder / path.name).symlink_to(path)
        builder = prepare(tmp_path / "manual", tmp_path / "data")
        assert {name: split.num_examples for name, split in builder.info.splits.items()} == dict.fromkeys(
            ("train", "validation", "test"), 12
        )
        example = next(iter(tfds.as_numpy(builder.as_dataset(split="validation"))))
        assert example["image"].shape == (360, 480, 3)
        original = np.array(Image.open(epath.Path(CAMVID_DIR) / "valannot" / example["file_name"].decode()))
        np.testing.assert_array_equal(example["label"][..., 0], original)


if __name__ == "__main__":
    tfds.testing.test_main()
