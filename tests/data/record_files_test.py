"""Files of a prepared data set that are damaged, cut short or missing."""

import json
import shutil

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import tensorflow_datasets as tfds  # noqa: E402

from hierseg_keras import data  # noqa: E402
from hierseg_keras.data.record_files import RecordFiles, have_common_records  # noqa: E402
from hierseg_keras.data.refusal import sentence_of  # noqa: E402
from tests.data.tiny_data_sets import prepared  # noqa: E402

ADVICE = r"Delete {folder} and prepare the data set again\.$"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    prepared("tiny_numbers", folder, num_files=4)
    prepared("tiny_helen", folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    """A copy to damage: the files of `tiny_helen`."""
    return shutil.copytree(whole / "tiny_helen", tmp_path / "tiny_helen") / "1.0.0"


def load(folder, split="train", **options):
    return data.load("tiny_helen", split, data_dir=folder.parents[1], **options)


def draw_all(folder, split="train", **options):
    return sum(len(label) for _, label in load(folder, split, **options))


class RecordFilesTest:
    @pytest.mark.parametrize("split", ["train", "train[7:23]", "test+train[:50%]", "train[15:25]+test[2:4]"])
    def test_records_come_as_tfds_reads_them(self, split, whole):
        builder = tfds.builder("tiny_numbers", data_dir=whole)
        files = RecordFiles(builder, split)
        found = list(files.read(lambda index, record: (index, builder.info.features.deserialize_example(record))))
        expected = builder.as_dataset(split=split, read_config=tfds.ReadConfig(interleave_cycle_length=1))
        assert [int(index) for index, _ in found] == list(range(files.num_records))
        for (_, example), other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(example["image"], other["image"])

    def test_numbers_stay_with_their_records_in_any_order_of_files(self, whole):
        files = RecordFiles(tfds.builder("tiny_numbers", data_dir=whole), "train")
        orders = None, [2, 0, 3, 1]
        in_order, other = (dict(files.read(lambda *pair: pair, order).as_numpy_iterator()) for order in orders)
        assert in_order == other and list(other)[0] == 20

    @pytest.mark.parametrize("training", [False, True])
    def test_a_flipped_byte_is_an_error_that_names_the_file(self, training, folder):
        path = next(folder.glob("*train*"))
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        path.write_bytes(content)
        options = {"training": True, "crop_size": (4, 6), "batch_size": 4} if training else {}
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            draw_all(folder, **options)
        assert sentence_of(error.value) == (
            f"A split expects complete record files. Received: {path}, which is damaged or truncated. Delete {folder} "
            "and prepare the data set again."
        )
        # What is whole is read.
        assert draw_all(folder, "test") == 3 and draw_all(folder, "train[:4]") == 4

    @pytest.mark.parametrize("part", [0, 5, 0.5, -1])
    def test_a_file_cut_short_is_refused_before_anything_is_read(self, part, folder):
        path = next(folder.glob("*train*"))
        content = path.read_bytes()
        path.write_bytes(content[: int(part * len(content)) if part == 0.5 else part])
        with pytest.raises(ValueError, match=f"{path}, which is truncated. {ADVICE.format(folder=folder)}"):
            load(folder)

    def test_a_missing_file_is_named(self, folder):
        path = next(folder.glob("*train*"))
        path.unlink()
        with pytest.raises(ValueError, match=f"{path}, which is missing. {ADVICE.format(folder=folder)}"):
            load(folder)
        assert draw_all(folder, "test") == 3

    def test_a_size_that_is_told_otherwise_is_no_damage(self, folder):
        """Other versions of TFDS may count bytes in another way."""
        path = folder / "dataset_info.json"
        info = json.loads(path.read_text())
        for split in info["splits"]:
            split["numBytes"] = "1"
        path.write_text(json.dumps(info))
        assert draw_all(folder) == 12


class HaveCommonRecordsTest:
    @pytest.mark.parametrize(
        "split, other, expected",
        [
            ("train", "validation", False),
            ("train[:15]", "train[15:]", False),
            ("train[:16]", "train[15:]", True),
            ("validation+train", "validation[:1]", True),
            ("all", "validation", True),
        ],
    )
    def test_splits_that_share_a_record(self, data_dir, split, other, expected):
        builder = data.prepare("street_blocks", data_dir=data_dir)
        assert have_common_records(builder, split, other) == have_common_records(builder, other, split) == expected


class DescriptionTest:
    @pytest.mark.parametrize("name", ["dataset_info.json", "metadata.json"])
    @pytest.mark.parametrize("content", [b"", b'{"torn', b"\xff\xfe\0", b"[]"])
    def test_a_damaged_file_is_named(self, name, content, folder):
        (folder / name).write_bytes(content)
        message = f"Received: {folder / name}, which is damaged. {ADVICE.format(folder=folder)}"
        with pytest.raises(ValueError, match=message) as error:
            load(folder)
        assert "\n" not in str(error.value)

    def test_a_missing_one_is_named(self, folder):
        (folder / "dataset_info.json").unlink()
        with pytest.raises(ValueError, match=f"Received: {folder}, without splits"):
            load(folder)
