import os

import pytest

from hierseg_keras.files import written_into
from tests.full_disk import full_disk
from tests.killed_process import killed_at


def files_below(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


class WrittenIntoTest:
    def test_files_are_written_into_folders_that_are_made(self, tmp_path):
        with written_into(tmp_path / "a" / "out") as writer:
            writer.write("one.txt", b"1")
            writer.write("b/c/two.txt", b"2")
            with writer.file("b/three.png") as new:
                assert new.suffix == ".png"
                new.write_text("3")
        assert files_below(tmp_path / "a" / "out") == {"one.txt": "1", "b/c/two.txt": "2", "b/three.png": "3"}

    def test_file_is_not_there_before_it_is_complete(self, tmp_path):
        with written_into(tmp_path) as writer:
            with writer.file("one.txt") as new:
                new.write_text("half")
                assert not (tmp_path / "one.txt").exists()
            assert (tmp_path / "one.txt").read_text() == "half"

    def test_what_fails_leaves_everything_as_it_was(self, tmp_path):
        (tmp_path / "one.txt").write_text("old")
        with pytest.raises(RuntimeError, match="in the block"), written_into(tmp_path) as writer:
            with writer.file("one.txt") as new:
                new.write_text("half")
                raise RuntimeError("in the block")
        assert os.listdir(tmp_path) == ["one.txt"] and (tmp_path / "one.txt").read_text() == "old"

    def test_existing_files_are_replaced_only_where_that_is_allowed(self, tmp_path):
        with written_into(tmp_path) as writer:
            writer.write("one.txt", b"old")
            with pytest.raises(FileExistsError, match=r"one\.txt"):
                writer.write("one.txt", b"new", replace=False)
            assert (tmp_path / "one.txt").read_text() == "old"
            writer.write("one.txt", b"new")
        assert files_below(tmp_path) == {"one.txt": "new"}

    def test_folder_that_was_made_for_nothing_is_removed(self, tmp_path):
        with written_into(tmp_path / "a" / "b"):
            pass
        assert not os.listdir(tmp_path)

    def test_full_disk_is_an_error_that_names_the_file(self, tmp_path):
        with written_into(tmp_path) as writer:
            writer.write("one.txt", b"old")
            with full_disk(2), pytest.raises(OSError, match=r"one\.txt"):
                writer.write("one.txt", b"longer")
        assert files_below(tmp_path) == {"one.txt": "old"}

    def test_killed_at_any_moment_leaves_whole_files(self, tmp_path):
        def write_two():
            with written_into(tmp_path) as writer:
                writer.write("one.txt", b"new")
                writer.write("a/two.txt", b"new")

        moment, seen = 0, set()
        (tmp_path / "one.txt").write_text("old")
        while killed_at(moment, write_two):
            visible = {name: text for name, text in files_below(tmp_path).items() if not name.startswith(".")}
            assert visible in ({"one.txt": "old"}, {"one.txt": "new"}, {"one.txt": "new", "a/two.txt": "new"})
            seen.add(len(visible))
            moment += 1
        assert seen == {1, 2}
        # The last one ran to its end, and deleted what the killed ones had left.
        assert sorted(os.listdir(tmp_path)) == ["a", "one.txt"]

    def test_time_per_file_does_not_grow_with_the_folder(self, tmp_path, monkeypatch):
        calls, listdir = [], os.listdir
        monkeypatch.setattr(os, "listdir", lambda path: calls.append(path) or listdir(path))
        with written_into(tmp_path) as writer:
            before = len(calls)
            for index in range(20):
                writer.write(f"{index}.txt", b"1")
            assert len(calls) == before
