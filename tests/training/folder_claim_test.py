import errno
import fcntl
import os
import time

import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.training.folder_claim import claimed  # noqa: E402
from hierseg_keras.training.run_state import check_new  # noqa: E402
from tests.killed_process import killed_at  # noqa: E402


def race(folder, processes):
    """How many of several processes that begin at the same moment may have a folder."""
    start, begin = os.pipe()
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            os.close(begin)
            os.read(start, 1)  # Until the parent closes its end.
            try:
                with claimed(folder):
                    check_new(folder)
                    (folder / "config.json").write_text("mine")
                    time.sleep(0.02)
                os._exit(0)
            except FileExistsError:
                os._exit(3)
            finally:
                os._exit(1)
        children.append(child)
    os.close(start)
    os.close(begin)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert set(codes) <= {0, 3}, codes
    return codes.count(0)


class ClaimedTest:
    def test_second_is_refused_in_one_sentence(self, tmp_path):
        folder = tmp_path / "run"
        with claimed(folder):
            with pytest.raises(FileExistsError, match=f"no other process writes to. Received: {folder}") as raised:
                with claimed(folder):
                    pass
            assert "\n" not in str(raised.value)
            (folder / "kept").touch()
        with claimed(folder):
            pass
        assert [path.name for path in folder.iterdir()] == ["kept"]

    @pytest.mark.large
    def test_one_of_several_at_the_same_moment(self, tmp_path):
        """Into a folder that exists, and into one that each would make."""
        for number in range(10):
            folder = tmp_path / f"{number}" / "run"
            if number % 2:
                folder.mkdir(parents=True)
            assert race(folder, 4) == 1
            assert [path.name for path in folder.iterdir()] == ["config.json"]

    def test_claim_of_a_killed_process_does_not_block(self, tmp_path):
        folder, moment = tmp_path / "above" / "run", 0

        def claim():
            with claimed(folder):
                check_new(folder)

        while killed_at(moment, claim):
            claim()
            moment += 1
        assert moment > 2

    def test_folders_made_for_nothing_are_removed(self, tmp_path):
        with pytest.raises(ValueError), claimed(tmp_path / "a" / "b"):
            raise ValueError
        assert not any(tmp_path.iterdir())
        (tmp_path / "mine").mkdir()
        with claimed(tmp_path / "mine"):
            pass
        assert (tmp_path / "mine").is_dir()

    def test_file_in_the_way_raises(self, tmp_path):
        (tmp_path / "file").touch()
        for path in (tmp_path / "file", tmp_path / "file" / "run"):
            with pytest.raises(FileExistsError, match="expected a folder. Received"), claimed(path):
                pass

    def test_file_systems_without_locks_are_used_unclaimed(self, tmp_path, monkeypatch):
        def unsupported(*_):
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", unsupported)
        with claimed(tmp_path / "run"):
            assert (tmp_path / "run").is_dir()


class CheckNewTest:
    def test_anything_but_the_claim_is_refused(self, tmp_path):
        with claimed(tmp_path):
            check_new(tmp_path)
            # What a killed process left.
            (tmp_path / ".config.json.abc.unfinished").mkdir()
            check_new(tmp_path)
            (tmp_path / ".hidden").touch()
            with pytest.raises(FileExistsError, match="new or empty folder"):
                check_new(tmp_path)
