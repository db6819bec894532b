import errno
import os
import resource
import signal
import subprocess
import sys
import textwrap

import pytest

from hierseg_keras.files import write_whole, written_beside
from hierseg_keras.files.rename import exchange, rename_to_new
from tests.full_disk import full_disk
from tests.killed_process import killed_at

# A process that stops at a moment of its choice, and says so; it imports neither Keras nor TensorFlow.
PRELUDE = """
import importlib.util, os, pathlib, sys, time, types
root = pathlib.Path(sys.argv[1])
package = types.ModuleType("hierseg_keras"); package.__path__ = [str(root / "hierseg_keras")]
sys.modules["hierseg_keras"] = package
from hierseg_keras.files import rename, written_beside
module = sys.modules["hierseg_keras.files.written_beside"]

def stop(*args, **kwargs):
    print("here", flush=True)
    time.sleep(60)

def write(new):
    new.mkdir()
    (new / "half").write_text("new")
"""
AT_MOMENTS = {
    "while writing": """
        with written_beside(sys.argv[2]) as new:
            write(new)
            stop()
    """,
    "before it takes its place": """
        module._put = stop
        with written_beside(sys.argv[2]) as new:
            write(new)
    """,
    "after it took its place": """
        module._clear = stop
        with written_beside(sys.argv[2]) as new:
            write(new)
    """,
    "between two steps": """
        rename._renameat2 = lambda *args: False
        steps = []
        def rename_once(source, target):
            if steps:
                stop()
            steps.append(original(source, target))
        original, os.rename = os.rename, rename_once
        with written_beside(sys.argv[2]) as new:
            write(new)
    """,
}


@pytest.fixture
def process(tmp_path):
    """Starts a process and waits until it stops at its moment; ends it by a signal that no process can handle."""
    processes = []

    def start(moment, path):
        script = PRELUDE + textwrap.dedent(AT_MOMENTS[moment])
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        command = [sys.executable, "-c", script, root, str(path)]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert processes[-1].stdout.readline() == "here\n"
        return processes[-1]

    yield start
    for each in processes:
        each.kill()
        each.wait()
        each.stdout.close()


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def write_folder(path, content, **options):
    with written_beside(path, **options) as new:
        new.mkdir()
        (new / "half").write_text(content)
        (new / "other half").write_text(content)


def content_of(path):
    return {name.name: name.read_text() for name in path.iterdir()}


WHOLE = {"half": "next", "other half": "next"}


def assert_the_next_cleans_up(tmp_path):
    assert len(os.listdir(tmp_path)) == 2
    write_folder(tmp_path / "folder", "next")
    assert os.listdir(tmp_path) == ["folder"]
    assert content_of(tmp_path / "folder") == WHOLE


class WrittenBesideTest:
    def test_files_and_folders(self, tmp_path):
        for content in ("first", "second"):
            with written_beside(tmp_path / "a" / "file.txt") as new:
                assert new.name == "file.txt"
                new.write_text(content)
            write_folder(tmp_path / "a" / "folder", content)
            assert (tmp_path / "a" / "file.txt").read_text() == content
            assert content_of(tmp_path / "a" / "folder") == dict.fromkeys(WHOLE, content)
        assert sorted(os.listdir(tmp_path / "a")) == ["file.txt", "folder"]

    def test_what_fails_leaves_everything_as_it_was(self, tmp_path):
        write_folder(tmp_path / "folder", "old")
        for path in (tmp_path / "folder", tmp_path / "made" / "for" / "it"):
            with pytest.raises(RuntimeError, match="in the block"), written_beside(path) as new:
                new.mkdir()
                raise RuntimeError("in the block")
        assert os.listdir(tmp_path) == ["folder"]
        assert content_of(tmp_path / "folder") == dict.fromkeys(WHOLE, "old")

    def test_what_exists_is_replaced_where_that_is_allowed_alone(self, tmp_path):
        write_folder(tmp_path / "folder", "old", replace=False)
        with pytest.raises(FileExistsError):
            write_folder(tmp_path / "folder", "new", replace=False)
        with pytest.raises(FileExistsError, match="A file can only replace a file. Received: .*, a folder"):
            with written_beside(tmp_path / "folder") as new:
                new.write_text("new")
        assert os.listdir(tmp_path) == ["folder"]
        assert content_of(tmp_path / "folder") == dict.fromkeys(WHOLE, "old")

    def test_symbolic_links_are_followed(self, tmp_path):
        write_folder(tmp_path / "3", "old")
        (tmp_path / "latest").symlink_to("3")
        write_folder(tmp_path / "latest", "next")
        assert (tmp_path / "latest").is_symlink() and content_of(tmp_path / "3") == WHOLE

    def test_names_of_every_kind(self, tmp_path):
        for name in ("old", "new", "a b", "größe 日本", "[a]*", "x" * 255):
            write_folder(tmp_path / name, "old")
            write_folder(tmp_path / name, "next")
            assert content_of(tmp_path / name) == WHOLE
        assert not list(tmp_path.glob(".*"))

    @pytest.mark.parametrize("moment", ["while writing", "before it takes its place"])
    def test_killed_before_the_exchange_leaves_the_old(self, moment, process, tmp_path):
        write_folder(tmp_path / "folder", "old")
        kill(process(moment, tmp_path / "folder"))
        assert content_of(tmp_path / "folder") == dict.fromkeys(WHOLE, "old")
        assert_the_next_cleans_up(tmp_path)

    def test_killed_after_the_exchange_leaves_the_new(self, process, tmp_path):
        write_folder(tmp_path / "folder", "old")
        kill(process("after it took its place", tmp_path / "folder"))
        assert content_of(tmp_path / "folder") == {"half": "new"}
        assert_the_next_cleans_up(tmp_path)

    def test_killed_between_two_steps_is_taken_back_by_the_next(self, process, tmp_path):
        write_folder(tmp_path / "folder", "old")
        kill(process("between two steps", tmp_path / "folder"))
        assert not (tmp_path / "folder").exists()
        write_folder(tmp_path / "other", "next")
        assert content_of(tmp_path / "folder") == dict.fromkeys(WHOLE, "old")
        assert sorted(os.listdir(tmp_path)) == ["folder", "other"]

    def test_processes_that_still_write_are_left_alone(self, process, tmp_path):
        living = process("while writing", tmp_path / "folder")
        (hidden,) = tmp_path.iterdir()
        write_folder(tmp_path / "folder", "next")
        assert (hidden / "new" / "folder" / "half").read_text() == "new"
        kill(living)
        write_folder(tmp_path / "other", "next")
        assert not hidden.exists()

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems exchange in two steps")
    def test_the_exchange_is_one_step(self, tmp_path, monkeypatch):
        write_folder(tmp_path / "folder", "old")
        # With two renames there is a moment between them.
        monkeypatch.setattr(os, "rename", None)
        monkeypatch.setattr(os, "replace", None)
        write_folder(tmp_path / "folder", "next")
        assert content_of(tmp_path / "folder") == WHOLE

    def test_a_full_disk_leaves_everything_as_it_was(self, tmp_path):
        write_folder(tmp_path / "folder", "old")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                write_folder(tmp_path / "folder", "x" * 1001)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, handler)
        assert os.listdir(tmp_path) == ["folder"]
        assert content_of(tmp_path / "folder") == dict.fromkeys(WHOLE, "old")

    def test_a_parent_that_is_a_file_is_an_error(self, tmp_path):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(OSError, match="file"):
            write_folder(tmp_path / "file" / "folder", "new")
        assert (tmp_path / "file").read_text() == "mine" and os.listdir(tmp_path) == ["file"]


class ExchangeTest:
    def test_second_comes_back_where_it_takes_two_steps_and_one_fails(self, tmp_path, monkeypatch):
        monkeypatch.setattr("hierseg_keras.files.rename._renameat2", lambda *args: False)
        (tmp_path / "second").write_text("second")
        with pytest.raises(FileNotFoundError):
            exchange(tmp_path / "none", tmp_path / "second", tmp_path / "aside")
        assert os.listdir(tmp_path) == ["second"]

    @pytest.mark.parametrize("has_one_step", [True, False])
    def test_both_change_places(self, has_one_step, tmp_path, monkeypatch):
        if not has_one_step:
            monkeypatch.setattr("hierseg_keras.files.rename._renameat2", lambda *args: False)
        for name in ("first", "second"):
            (tmp_path / name).write_text(name)
        exchange(tmp_path / "first", tmp_path / "second", tmp_path / "aside")
        assert (tmp_path / "second").read_text() == "first"
        assert (tmp_path / ("first" if has_one_step else "aside")).read_text() == "second"

    def test_system_refuses(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            exchange(tmp_path / "none", tmp_path / "neither", tmp_path / "aside")


class RenameToNewTest:
    @pytest.mark.parametrize("has_one_step", [True, False])
    def test_target_must_not_exist(self, has_one_step, tmp_path, monkeypatch):
        if not has_one_step:
            monkeypatch.setattr("hierseg_keras.files.rename._renameat2", lambda *args: False)
        (tmp_path / "source").write_text("source")
        (tmp_path / "link").symlink_to("nowhere")
        with pytest.raises(FileExistsError):
            rename_to_new(tmp_path / "source", tmp_path / "link")
        rename_to_new(tmp_path / "source", tmp_path / "target")
        assert (tmp_path / "target").read_text() == "source"


class WriteWholeTest:
    def test_bytes_and_text(self, tmp_path):
        for content in ("ä\n", b"\x00", memoryview(b"view")):
            write_whole(tmp_path / "file", content)
            expected = content.encode() if isinstance(content, str) else bytes(content)
            assert (tmp_path / "file").read_bytes() == expected

    def test_full_disk_is_an_error_that_names_the_file(self, tmp_path):
        write_whole(tmp_path / "file", b"before")
        with full_disk(10), pytest.raises(OSError, match=f"File too large: '{tmp_path / 'file'}'") as raised:
            write_whole(tmp_path / "file", b"after" * 10)
        assert raised.value.errno == errno.EFBIG
        assert (tmp_path / "file").read_bytes() == b"before" and os.listdir(tmp_path) == ["file"]

    def test_file_is_whole_whenever_the_process_is_killed(self, tmp_path):
        path, moment = tmp_path / "file", 0
        write_whole(path, b"before")
        while killed_at(moment, lambda: write_whole(path, b"after" * 1000)):
            assert path.read_bytes() in (b"before", b"after" * 1000)
            moment += 1
        assert moment > 2 and path.read_bytes() == b"after" * 1000
