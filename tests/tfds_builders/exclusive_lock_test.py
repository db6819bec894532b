"""One process at a time works in a folder, which is made first and removed if it stays empty."""

import os
import pathlib
import threading

import pytest
from etils import epath

from tfds_builders.exclusive_lock import exclusive_lock


class ExclusiveLockTest:
    def test_folders_that_stay_empty_are_removed(self, tmp_path):
        folder = tmp_path / "a" / "b"
        with exclusive_lock(epath.Path(folder)) as is_alone:
            assert is_alone and folder.is_dir()
        assert not os.listdir(tmp_path)
        with exclusive_lock(epath.Path(folder)):
            (folder / "file").touch()
        assert os.listdir(folder) == ["file"]

    def test_folders_that_were_there_stay_except_the_last(self, tmp_path):
        (tmp_path / "a" / "b").mkdir(parents=True)
        with pytest.raises(ValueError), exclusive_lock(epath.Path(tmp_path / "a" / "b")):
            raise ValueError
        assert os.listdir(tmp_path) == ["a"] and not os.listdir(tmp_path / "a")

    @pytest.mark.parametrize("error", [FileNotFoundError, FileExistsError])
    def test_a_folder_that_is_removed_meanwhile_is_made_again(self, error, tmp_path, monkeypatch):
        folder, mkdir, calls = epath.Path(tmp_path / "a"), pathlib.Path.mkdir, []

        def removed_once(self, *args, **options):
            calls.append(self)
            if len(calls) == 1:
                raise error(self)
            return mkdir(self, *args, **options)

        monkeypatch.setattr(type(folder), "mkdir", removed_once)
        with exclusive_lock(folder) as is_alone:
            assert is_alone and len(calls) == 2

    def test_one_at_a_time_although_the_folder_is_removed(self, tmp_path):
        folder, inside, most = epath.Path(tmp_path / "a"), [], []

        def work():
            for _ in range(20):
                with exclusive_lock(folder) as is_alone:
                    assert is_alone and os.path.isdir(folder)
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(most) == 80 and max(most) == 1 and not os.listdir(tmp_path)
