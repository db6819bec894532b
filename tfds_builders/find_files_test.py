"""Folders at several places and lists with every kind of fault."""

import pytest
from etils import epath

from tfds_builders.find_files import find_folder, listed_ids, pair_ids
from tfds_builders.image_files import ImageFileError


@pytest.fixture
def folder(tmp_path):
    return epath.Path(tmp_path)


class FindFolderTest:
    def test_the_first_that_is_a_folder(self, folder):
        (folder / "outer" / "inner").mkdir(parents=True)
        (folder / "file").write_bytes(b"")
        assert find_folder(folder, ("none", "file", "outer/inner", "outer"), "") == folder / "outer" / "inner"

    def test_none_tells_what_there_is(self, folder):
        (folder / "something").mkdir()
        with pytest.raises(ImageFileError) as caught:
            find_folder(folder, ("images", "data/images"), "Put them there.")
        for part in (str(folder), "images, data/images", "['something']", "Put them there."):
            assert part in str(caught.value)


class ListedIdsTest:
    def test_order_and_places(self, folder):
        (folder / "train.txt").write_bytes(b"\xef\xbb\xbf2_b\r\n\r\n 1-a.x \n3")
        places, problems = listed_ids(folder / "train.txt")
        assert list(places) == ["2_b", "1-a.x", "3"] and not problems
        assert places["1-a.x"] == f"{folder}/train.txt:3"

    def test_pattern_of_a_line(self, folder):
        (folder / "train.txt").write_text("1 , 232194_1\n2, 232194_2\n232194_3\n")
        places, problems = listed_ids(folder / "train.txt", r"\d+\s*,\s*(\S+)")
        assert list(places) == ["232194_1", "232194_2"]
        assert len(problems) == 1 and "train.txt:3: " in problems[0]

    def test_every_fault_is_told_with_its_line(self, folder):
        (folder / "train.txt").write_text("a\n../b\na\n/c\n.d\ne f\n..\n")
        places, problems = listed_ids(folder / "train.txt")
        assert list(places) == ["a"]
        assert [problem.split(": ")[0] for problem in problems] == [f"{folder}/train.txt:{n}" for n in range(2, 8)]
        assert f"listed twice, first in {folder}/train.txt:1" in problems[1]

    @pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe\x00", None])
    def test_lists_that_cannot_be_read(self, content, folder):
        if content is not None:
            (folder / "train.txt").write_bytes(content)
        places, problems = listed_ids(folder / "train.txt")
        assert not places and len(problems) == 1 and f"{folder}/train.txt: " in problems[0]


class PairIdsTest:
    def test_missing_files_are_told_with_the_place_that_names_them(self, folder):
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
