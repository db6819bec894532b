"""Preparations of folders: made anew after a change, by one process at a time, and whole after kills."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from unittest import mock

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

import hierseg_keras as hs
from tests import image_folders, mask_formats
from tests.image_folders import TREE
from tests.manual_data import stored_examples
from tfds_builders.folders import folders_dataset_builder
from tfds_builders.folders.folders_dataset_builder import Builder, FoldersConfig

CHANGES = ("content", "time", "new", "removed", "renamed", "tree", "share", "groups", "table")
NAMES = [f"{letter} ü {number}" for letter in "ab" for number in range(5)]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "my phötos"
    image_folders.write_pairs(folder, NAMES)
    return folder


def prepare(folder, **options):
    options = {"val_share": 0.4, "data_dir": folder.parent / "prepared", **options}
    return hs.data.from_folders(folder / "images", folder / "masks", TREE, **options)


def preparations(folder):
    found = (folder.parent / "prepared" / "folders").glob("*/1.0.0")
    return sorted(path.parent.name for path in found)


class FingerprintTest:
    def test_unchanged_files_are_prepared_once(self, folder):
        first = prepare(folder)
        with mock.patch.object(Builder, "read", side_effect=AssertionError):
            assert prepare(folder).data_path == first.data_path
        assert len(preparations(folder)) == 1

    @pytest.mark.parametrize("change", CHANGES)
    def test_a_change_prepares_it_anew(self, folder, change):
        first, options = prepare(folder), {}
        image, tree = folder / "images" / f"{NAMES[0]}.png", TREE
        if change == "content":
            times = image.stat().st_atime_ns, image.stat().st_mtime_ns
            Image.new("RGB", Image.open(image).size).save(image)
            os.utime(image, ns=times)
        elif change == "time":
            # The smallest change of a modification time.
            mask = folder / "masks" / image.name
            os.utime(mask, ns=(mask.stat().st_atime_ns, mask.stat().st_mtime_ns + 1))
        elif change == "new":
            image_folders.write_pair(folder, "c", 30)
        elif change in ("removed", "renamed"):
            for kind in ("images", "masks"):
                path = folder / kind / image.name
                path.unlink() if change == "removed" else path.rename(path.with_name("z.png"))
        elif change == "tree":
            tree = hs.ClassTree.from_text("being\n\tperson\n\trider\nsky")
        elif change == "table":
            options = {"classes": {0: "sky", 1: "sky", 2: "sky", 255: "ignore"}}
        else:
            options = {"share": {"val_share": 0.41}, "groups": {"groups": "(.+)"}}[change]
        options = {"val_share": 0.4, "data_dir": folder.parent / "prepared", **options}
        second = hs.data.from_folders(folder / "images", folder / "masks", tree, **options)
        assert second.data_path != first.data_path and len(preparations(folder)) == 2

    @pytest.mark.filterwarnings("ignore:.* are in the training too")
    @pytest.mark.parametrize("which", ["coco", "coco of the validation", "labelmap", "image set", "table"])
    def test_a_change_of_a_file_beside_the_folders_prepares_it_anew(self, folder, which):
        labels = {name: np.full(Image.open(folder / "images" / f"{name}.png").size[::-1], 1) for name in NAMES}
        names, masks, options = ["person", "sky"], folder / "new", {"val_share": 0.4}
        if "coco" in which:
            mask_formats.write_panoptic(masks, labels, names)
            path, old, new = folder / "new.json", '"category_id": 11', '"category_id": 10'
        elif which == "table":
            mask_formats.write_index(masks, {name: label.astype(np.uint8) for name, label in labels.items()}, names)
            path, old, new = folder / "classes.csv", "1,sky,sky", "1,sky,rider"
            path.write_text("id,class,node\n0,person,person\n1,sky,sky\n")
            options["classes"] = path
        else:
            mask_formats.write_cvat(folder / "export", labels, names)
            masks = folder / "export" / "SegmentationClass"
            path, old, new = folder / "export" / "labelmap.txt", "sky:", "rider:"
            if which == "image set":
                path, old, new = folder / "export" / "ImageSets" / "Segmentation" / "default.txt", "\n", "\n\n"
        if which == "coco of the validation":
            shutil.copytree(folder / "images", folder / "val_images")
            shutil.copytree(masks, folder / "val_masks")
            path, old, new = folder / "val_masks.json", '"iscrowd": 0', '"iscrowd": 1'
            shutil.copy(folder / "new.json", path)
            options = {"val_images": folder / "val_images", "val_masks": folder / "val_masks"}

        def labels_after():
            builder = hs.data.from_folders(folder / "images", masks, TREE, data_dir=folder.parent / "p", **options)
            loaded = hs.data.load(builder, "validation", batch_size=1).as_numpy_iterator()
            return builder.data_path, {int(node) for _, label in loaded for node in np.unique(label)}

        before, found = labels_after()
        assert found == {TREE.index("sky")} and labels_after()[0] == before
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        after, found = labels_after()
        changed = {"coco": "person", "labelmap": "rider", "table": "rider"}.get(which, "sky")
        assert after != before and found == {TREE.index(changed)}

    @pytest.mark.parametrize("write", [mask_formats.write_panoptic, mask_formats.write_cvat])
    def test_masks_of_the_validation_that_declare_other_classes_are_refused(self, folder, write):
        labels = {name: np.full(Image.open(folder / "images" / f"{name}.png").size[::-1], 1) for name in NAMES}
        shutil.copytree(folder / "images", folder / "val_images")
        write(folder / "new", labels, ["person", "sky"])
        write(folder / "val", labels, ["person", "rider"])
        val = {"val_images": folder / "val_images", "val_masks": folder / "val"}
        with pytest.raises(ValueError, match="/val: expected the classes of .*/new. Received: rider for .*, not sky"):
            hs.data.from_folders(folder / "images", folder / "new", TREE, data_dir=folder.parent / "p", **val)

    def test_earlier_preparations_are_named_with_their_size(self, folder, caplog):
        first = prepare(folder)
        assert "earlier preparations" not in caplog.text
        image_folders.write_pair(folder, "c", 30)
        prepare(folder)
        [warning] = [r.getMessage() for r in caplog.records if "earlier preparations" in r.getMessage()]
        assert str(first.data_path.parent) in warning and " MB: " in warning and "\n" not in warning
        assert first.data_path.exists()
        caplog.clear()
        prepare(folder)
        assert "earlier preparations" not in caplog.text

    def test_files_that_change_while_they_are_read_are_refused(self, folder):
        read = Builder.read

        def change_and_read(self, pair):
            (folder / "images" / f"{NAMES[0]}.png").touch()
            return read(self, pair)

        with (
            mock.patch.object(Builder, "read", change_and_read),
            pytest.raises(ValueError, match="not change while"),
        ):
            prepare(folder)
        assert not (folder.parent / "prepared" / "folders").exists()

    def test_a_config_is_required(self):
        with pytest.raises(ValueError, match="data.from_folders"):
            tfds.builder("folders")
        with pytest.raises(ValueError, match="data.from_folders"):
            hs.data.load("folders", "train")

    def test_a_prepared_one_is_found_by_its_name(self, folder):
        builder = prepare(folder)
        name, data_dir = f"folders/{builder.builder_config.name}", str(folder.parent / "prepared")
        shutil.rmtree(folder)
        assert len(list(hs.data.load(name, "train", batch_size=1, data_dir=data_dir))) > 0

    def test_links_that_form_a_loop_are_followed_once(self, folder):
        (folder / "images" / "loop").symlink_to(folder / "images")
        assert sum(split.num_examples for split in prepare(folder).info.splits.values()) == len(NAMES)


class JpegTest:
    def test_files_are_stored_as_they_are(self, tmp_path):
        folder = tmp_path / "photos"
        image_folders.write_pairs(folder, NAMES, suffix=".JPG")
        builder = prepare(folder)
        for examples in stored_examples(builder).values():
            for example in examples:
                name = example["file_name"].decode()
                assert example["image"] == (folder / "images" / name).read_bytes()


class OverlapTest:
    def test_binary_masks_of_a_node_and_its_ancestor_give_the_node(self, folder):
        shutil.rmtree(folder / "masks")
        for name in NAMES:
            size = Image.open(folder / "images" / f"{name}.png").size
            for class_name, columns in (("human", 10), ("rider", 4)):
                mask = np.zeros(size[::-1], np.uint8)
                mask[:, :columns] = 255
                path = folder / "masks" / class_name / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(mask).save(path)
        for _, label in hs.data.load(prepare(folder), "train", batch_size=1).as_numpy_iterator():
            assert label[0, 0].tolist() == [1] * 4 + [3] * 6 + [255] * 6

    def test_binary_masks_of_classes_of_one_node_may_overlap(self, folder):
        shutil.rmtree(folder / "masks")
        columns = {"man": 10, "woman": 4, "blur": 2, "dirt": 1}
        for name in NAMES:
            size = Image.open(folder / "images" / f"{name}.png").size
            for class_name, width in columns.items():
                mask = np.zeros(size[::-1], np.uint8)
                # The last two are at the right, where nothing else is.
                mask[:, slice(width) if class_name in ("man", "woman") else slice(-width, None)] = 255
                path = folder / "masks" / class_name / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(mask).save(path)
        classes = {"man": "person", "woman": "person", "blur": "ignore", "dirt": "ignore", "_background_": "sky"}
        for _, label in hs.data.load(prepare(folder, classes=classes), "train", batch_size=1).as_numpy_iterator():
            assert label[0, 0].tolist() == [0] * 10 + [2] * 4 + [255] * 2
        with pytest.raises(ValueError, match=r"expected one class per pixel. Received: 'man' and 'woman' in "):
            prepare(folder, classes=classes | {"woman": "rider"})
        with pytest.raises(ValueError, match=r"expected one class per pixel. Received: 'man' and 'woman' in "):
            prepare(folder, classes=classes | {"woman": "ignore"})


class OtherProcessTest:
    def test_two_at_once_share_one_preparation(self, folder):
        read, times, builders = Builder.read, [], []

        def counted(self, pair):
            times.append(pair)
            time.sleep(0.02)
            return read(self, pair)

        with mock.patch.object(folders_dataset_builder.Builder, "read", counted):
            threads = [threading.Thread(target=lambda: builders.append(prepare(folder))) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(times) == len(NAMES) and builders[0].data_path == builders[1].data_path
        assert [len(builder.info.splits) for builder in builders] == [2, 2]

    def test_a_data_dir_that_cannot_be_written_is_named(self, folder, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(OSError, match="file"):
            prepare(folder, data_dir=tmp_path / "file")

    def test_a_data_dir_in_which_nothing_can_be_made_is_named(self, folder):
        with pytest.raises(OSError, match="/proc/"):
            prepare(folder, data_dir=pathlib.Path("/proc/prepared"))

    @pytest.mark.large
    def test_it_is_whole_after_three_kills(self, folder, caplog):
        rng = random.Random(0)
        for _ in range(3):
            process = subprocess.Popen([sys.executable, "-c", SLOW, str(folder)])
            parent = folder.parent / "prepared" / "folders"
            while process.poll() is None and not list(parent.glob("*/incomplete.*")):
                time.sleep(0.02)
            time.sleep(rng.uniform(0, 1.5))
            assert process.poll() is None, "the preparation ended before it was killed"
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert not preparations(folder)
        killed = prepare(folder)
        other = prepare(folder, data_dir=folder.parent / "other")
        assert stored_examples(killed) == stored_examples(other)
        assert [path.name for path in killed.data_path.parent.iterdir()] == ["1.0.0"]
        assert "deleting the files of an unfinished preparation" in caplog.text


SLOW = """
import pathlib, sys, time
import hierseg_keras as hs
from tests.image_folders import TREE
from tfds_builders.folders.folders_dataset_builder import Builder
read = Builder.read
Builder.read = lambda self, pair: time.sleep(0.5) or read(self, pair)
folder = pathlib.Path(sys.argv[1])
hs.data.from_folders(folder / "images", folder / "masks", TREE, val_share=0.4, data_dir=folder.parent / "prepared")
"""


class BeamTest:
    def test_same_records(self, folder, tmp_path):
        pytest.importorskip("apache_beam", reason="apache-beam, of the extra `prepare`, is not installed")
        config = prepare(folder).builder_config
        assert isinstance(config, FoldersConfig)
        builder = Builder(config=config, use_beam=True, data_dir=tmp_path / "beam")
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(beam_runner="DirectRunner"))
        assert stored_examples(builder) == stored_examples(prepare(folder))
        assert pathlib.Path(builder.data_dir).is_dir()
