import errno

import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.files.whole_file import replacing, write_whole  # noqa: E402
from tests.training.killed_process import killed_at  # noqa: E402


class WholeFileTest:
    def test_file_holds_what_was_written(self, tmp_path):
        write_whole(tmp_path / "text", "ä\n")
        write_whole(tmp_path / "text", "ö\n")
        assert (tmp_path / "text").read_text("utf-8") == "ö\n"
        assert [path.name for path in tmp_path.iterdir()] == ["text"]

    @pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
    def test_failure_keeps_the_file_before(self, error, tmp_path):
        write_whole(tmp_path / "file", b"before")
        with pytest.raises(error), replacing(tmp_path / "file") as path:
            path.write_bytes(b"half")
            raise error
        assert (tmp_path / "file").read_bytes() == b"before"
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    def test_full_disk_is_an_error_that_names_the_file(self, tmp_path):
        write_whole(tmp_path / "file", b"before")
        # A device that is always full.
        (tmp_path / "saving.file").symlink_to("/dev/full")
        with pytest.raises(OSError, match=f"No space left on device: '{tmp_path / 'file'}'") as raised:
            write_whole(tmp_path / "file", b"after")
        assert raised.value.errno == errno.ENOSPC
        assert (tmp_path / "file").read_bytes() == b"before"
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    def test_file_is_whole_whenever_the_process_is_killed(self, tmp_path):
        path, moment = tmp_path / "file", 0
        write_whole(path, b"before")
        while killed_at(moment, lambda: write_whole(path, b"after" * 1000)):
            assert path.read_bytes() in (b"before", b"after" * 1000)
            moment += 1
        assert moment > 2 and path.read_bytes() == b"after" * 1000
