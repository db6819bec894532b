"""Lists with every kind of fault."""

import pytest
from etils import epath

from tfds_builders.reading.id_lists import listed_ids


@pytest.fixture
def folder(tmp_path):
    return epath.Path(tmp_path)


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
