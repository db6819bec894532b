"""Which files belong together, and pairs that must not become a record."""

import numpy as np
import pytest
from PIL import Image

from tfds_builders.reading.check_labels import map_ids
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.image_files import read_label
from tfds_builders.reading.paired_images import ImagePair, pair_folders, pair_ids, pick_listed, read_pair

LABEL = np.arange(12, dtype=np.uint8).reshape(3, 4)
IMAGE = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
ALL_TO_ONE = dict.fromkeys(range(12), 1)


@pytest.fixture
def pair(tmp_path):
    for folder, array in (("images", IMAGE), ("labels", LABEL)):
        (tmp_path / folder).mkdir()
        Image.fromarray(array).save(tmp_path / folder / "a.png")
    return ImagePair(tmp_path / "images" / "a.png", tmp_path / "labels" / "a.png")


def message_of(read, *args):
    with pytest.raises(ImageFileError) as caught:
        read(*args)
    return str(caught.value)


class ReadPairTest:
    def test_values_and_shapes(self, pair):
        image, label = read_pair(pair, num_ids=12)
        np.testing.assert_array_equal(image, IMAGE)
        np.testing.assert_array_equal(label, LABEL[..., None])
        assert image.dtype == label.dtype == np.uint8

    def test_foreign_ids_are_counted(self, pair):
        message = message_of(read_pair, pair, 10)
        assert str(pair.label) in message and "10 (1 pixel), 11 (1 pixel)" in message and "0 .. 9" in message

    def test_sizes_must_agree(self, pair):
        Image.fromarray(LABEL.T).save(pair.label)
        message = message_of(read_pair, pair, 12)
        assert str(pair.label) in message and str(pair.image) in message and "4 x 3" in message and "3 x 4" in message

    def test_label_may_be_read_in_another_way(self, pair):
        label = read_pair(pair, num_ids=2, read_label=lambda path: map_ids(path, read_label(path), ALL_TO_ONE))[1]
        np.testing.assert_array_equal(label, np.ones((3, 4, 1)))


class PairFoldersTest:
    def test_pairs_are_sorted_and_other_files_passed_over(self, pair):
        for name in ("b.png", "._b.png", "Thumbs.db"):
            (pair.image.parent / name).write_bytes(b"")
        (pair.label.parent / "b.png").write_bytes(b"")
        pairs, problems = pair_folders(pair.image.parent, pair.label.parent)
        assert [p.image.name for p in pairs] == ["a.png", "b.png"] and not problems

    def test_folder_without_images_is_a_problem(self, tmp_path, pair):
        (tmp_path / "none").mkdir()
        cases = ((tmp_path / "none", "Received: none"), (pair.image, "a file"), (tmp_path / "x", "nothing"))
        for folder, said in cases:
            pairs, problems = pair_folders(folder, pair.label.parent)
            assert not pairs and str(folder) in problems[0] and said in problems[0]

    def test_two_images_of_one_name_are_a_problem(self, pair):
        Image.fromarray(IMAGE).save(pair.image.with_suffix(".jpg"))
        _, problems = pair_folders(pair.image.parent, pair.label.parent)
        assert len(problems) == 1 and "one file per name" in problems[0]

    def test_labels_may_end_otherwise_than_their_images(self, pair):
        pair.label.rename(pair.label.with_stem("a_L"))
        (pair.label.parent / "b.png").write_bytes(b"")
        pairs, problems = pair_folders(pair.image.parent, pair.label.parent, label_ending="_L")
        assert [p.label.name for p in pairs] == ["a_L.png"] and not problems


class PickListedTest:
    def test_names_choose_and_order(self, pair, tmp_path):
        others = [ImagePair(pair.image.with_stem(name), pair.label) for name in ("b", "c.d")]
        (tmp_path / "list.txt").write_text("\ufeff/SegNet/train/c.d.png /SegNet/x.png\n\na.png\n", "utf-8")
        pairs, problems = pick_listed(tmp_path / "list.txt", [pair, *others])
        assert [p.image.name for p in pairs] == ["c.d.png", "a.png"] and not problems

    def test_every_faulty_line_is_named(self, pair, tmp_path):
        (tmp_path / "list.txt").write_text("a.png\nb.png\na.png\n../..\n")
        _, problems = pick_listed(tmp_path / "list.txt", [pair])
        assert [problem.split(": ")[0][-1] for problem in problems] == ["2", "3", "4"]

    def test_list_that_names_nothing_or_cannot_be_read(self, pair, tmp_path):
        (tmp_path / "list.txt").write_text("\n")
        assert "empty" in pick_listed(tmp_path / "list.txt", [pair])[1][0]
        (tmp_path / "list.txt").write_bytes(b"\xff\xfe")
        assert "UTF-8" in pick_listed(tmp_path / "list.txt", [pair])[1][0]
        assert str(tmp_path / "none.txt") in pick_listed(tmp_path / "none.txt", [pair])[1][0]


class PairIdsTest:
    def test_missing_files_are_told_with_the_place_that_names_them(self, tmp_path):
        folder = tmp_path
        for name in ("a.jpg", "a_label.png", "b.jpg"):
            (folder / name).write_bytes(b"")
        places = {"a": "train.txt:1", "b": "train.txt:2", "c": "train.txt:3"}
        pairs, problems = pair_ids(places, folder, folder, "_label.png")
        assert [(pair.image.name, pair.label.name) for pair in pairs] == [("a.jpg", "a_label.png")]
        assert [problem.split(" does")[0] for problem in problems] == [
            f"train.txt:2: {folder}/b_label.png",
            f"train.txt:3: {folder}/c.jpg",
            f"train.txt:3: {folder}/c_label.png",
        ]
