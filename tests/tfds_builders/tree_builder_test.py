"""Bad files, killed preparations, other processes, and as many threads as there are: the records stay the same."""

import shutil
import signal
import subprocess
import sys
import threading
import time
from unittest import mock

import pytest
from etils import epath

from tests import manual_data
from tests.manual_data import FOLDER, READERS, num_examples, stored_examples
from tfds_builders import ordered_map
from tfds_builders.camvid_tree import camvid_tree_dataset_builder
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.tree_builder import LEFT_OUT

DUMMY_DATA = epath.Path(FOLDER) / "camvid_tree" / "dummy_data"
BAD = ("train/0016E5_00030.png", "valannot/0016E5_00040.png")


@pytest.fixture
def manual_dir(tmp_path):
    """A copy of the dummy data to spoil."""
    shutil.copytree(DUMMY_DATA, tmp_path / "manual")
    return epath.Path(tmp_path / "manual")


@pytest.fixture
def bad_manual_dir(manual_dir):
    for name in BAD:
        (manual_dir / name).write_bytes((manual_dir / name).read_bytes()[:60])
    return manual_dir


def prepare(manual_dir, data_dir, beam_runner=None, **options):
    return manual_data.prepare("camvid_tree", manual_dir, data_dir, beam_runner, **options)


class SkipBadTest:
    def test_bad_files_are_left_out_and_listed(self, bad_manual_dir, tmp_path):
        (bad_manual_dir / "testannot" / "lonely.png").write_bytes(b"")
        builder = prepare(bad_manual_dir, tmp_path, skip_bad=True)
        assert num_examples(builder) == {"train": 2, "validation": 1, "test": 1}
        lines = (epath.Path(builder.data_dir) / LEFT_OUT).read_text().splitlines()
        starts = [f"files: {bad_manual_dir / 'testannot' / 'lonely.png'}: "]
        starts += [f"{split}: {bad_manual_dir / name}: " for split, name in zip(("train", "validation"), BAD)]
        assert len(lines) == 3 and all(line.startswith(start) for line, start in zip(lines, starts))

    def test_whoever_reads_them_later_is_told(self, bad_manual_dir, tmp_path, caplog):
        prepare(bad_manual_dir, tmp_path, skip_bad=True)
        caplog.clear()
        prepare(bad_manual_dir, tmp_path)
        assert "omitted files: 2; " in caplog.text and LEFT_OUT in caplog.text

    def test_without_it_all_bad_files_are_named_and_nothing_is_left_behind(self, bad_manual_dir, tmp_path):
        with pytest.raises(ImageFileError) as caught:
            prepare(bad_manual_dir, tmp_path)
        assert len(caught.value.problems) == 2
        for problem, name in zip(caught.value.problems, BAD):
            assert problem.startswith(f"{bad_manual_dir / name}: expected")
        assert not (tmp_path / "camvid_tree" / "categories").exists()

    def test_lost_files_are_named_beside_bad_ones(self, bad_manual_dir, tmp_path):
        (bad_manual_dir / "testannot" / "lonely.png").write_bytes(b"")
        with pytest.raises(ImageFileError) as caught:
            prepare(bad_manual_dir, tmp_path)
        for name in (*BAD, "testannot/lonely.png"):
            assert str(bad_manual_dir / name) in str(caught.value)

    def test_reading_ends_after_many_bad_files(self, manual_dir, tmp_path):
        for number in range(40):
            for folder in ("train", "trainannot"):
                (manual_dir / folder / f"bad_{number}.png").write_bytes(b"")
        with pytest.raises(ImageFileError, match="after the first 20 problems were not checked") as caught:
            prepare(manual_dir, tmp_path)
        assert len(caught.value.problems) == 21

    def test_a_split_of_which_nothing_is_left_is_an_error(self, manual_dir, tmp_path):
        for path in (manual_dir / "test").iterdir():
            path.write_bytes(b"")
        with pytest.raises(ImageFileError, match="test/Seq05VD_f00060.png"):
            prepare(manual_dir, tmp_path, skip_bad=True)

    def test_good_files_leave_no_list(self, manual_dir, tmp_path):
        assert not (epath.Path(prepare(manual_dir, tmp_path, skip_bad=True).data_dir) / LEFT_OUT).exists()


class ParallelTest:
    def test_records_do_not_depend_on_the_number_of_threads(self, manual_dir, tmp_path):
        found = []
        for workers in (1, 7):
            with mock.patch("os.cpu_count", return_value=workers):
                found.append(stored_examples(prepare(manual_dir, tmp_path / str(workers))))
        assert found[0] == found[1] and len(found[0]) == 3

    def test_log_compares_with_what_was_published(self, manual_dir, tmp_path, caplog):
        prepare(manual_dir, tmp_path)
        assert "camvid_tree/categories/1.0.0: train: 3 of the 367 published images" in caplog.text


class OrderedMapTest:
    def test_order_is_kept_and_no_more_is_held_than_said(self):
        started, taken, most = set(), 0, 0

        def slow_at_first(number):
            started.add(number)
            time.sleep(0.05 if number == 0 else 0)
            return number

        for number in ordered_map.ordered_map(slow_at_first, range(50), workers=2):
            assert number == taken
            taken += 1
            most = max(most, len(started) - taken)
        assert taken == 50 and most <= 4

    def test_threads_run_at_once(self):
        both = threading.Barrier(2, timeout=20)
        assert len(list(ordered_map.ordered_map(lambda _: both.wait(), range(2), workers=2))) == 2

    def test_error_comes_in_its_turn_and_stops_the_rest(self):
        started = []

        def fail_at_three(number):
            started.append(number)
            if number == 3:
                raise ValueError(number)
            return number

        results = ordered_map.ordered_map(fail_at_three, range(1000), workers=1)
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ValueError, match="3"):
            next(results)
        assert len(started) < 10


BLOCKED = """
import sys, time
import tensorflow_datasets as tfds
import tfds_builders
from tfds_builders.camvid_tree.camvid_tree_dataset_builder import Builder
Builder.read = lambda self, pair: time.sleep(600)
builder = tfds.builder("camvid_tree", data_dir=sys.argv[1])
builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=sys.argv[2]))
"""


def wait_until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


class OtherProcessTest:
    @pytest.mark.large
    def test_killed_preparation_leaves_nothing_in_the_way(self, manual_dir, tmp_path, caplog):
        folder = tmp_path / "camvid_tree" / "categories"
        process = subprocess.Popen([sys.executable, "-c", BLOCKED, str(tmp_path), str(manual_dir)])
        wait_until(lambda: list(folder.glob("incomplete.*")) or process.poll() is not None)
        assert process.poll() is None

        waiting = threading.Thread(target=prepare, args=(manual_dir, tmp_path), daemon=True)
        waiting.start()
        wait_until(lambda: "waiting for it" in caplog.text)
        assert list(folder.glob("incomplete.*")), "a preparation that is alive was taken for a dead one"

        process.send_signal(signal.SIGKILL)
        process.wait()
        waiting.join(120)
        assert [path.name for path in folder.iterdir()] == ["1.0.0"]
        assert "deleting the files of an unfinished preparation" in caplog.text

    def test_two_at_once_share_one_preparation(self, manual_dir, tmp_path):
        read, times = camvid_tree_dataset_builder.Builder.read, []

        def counted(self, pair):
            times.append(pair)
            time.sleep(0.05)
            return read(self, pair)

        builders = []
        with mock.patch.object(camvid_tree_dataset_builder.Builder, "read", counted):
            threads = [
                threading.Thread(target=lambda: builders.append(prepare(manual_dir, tmp_path))) for _ in range(2)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(times) == 6
        assert [num_examples(builder)["train"] for builder in builders] == [3, 3]

    def test_folders_of_other_versions_are_left_alone(self, manual_dir, tmp_path):
        other = tmp_path / "camvid_tree" / "categories" / "incomplete.AAAAAA_0.9.0"
        other.mkdir(parents=True)
        prepare(manual_dir, tmp_path)
        assert other.is_dir()


class BeamTest:
    @pytest.fixture(autouse=True)
    def direct_runner(self):
        pytest.importorskip("apache_beam", reason="apache-beam, of the extra `prepare`, is not installed")
        return "DirectRunner"

    @pytest.mark.parametrize("name", READERS)
    def test_same_records(self, name, tmp_path, direct_runner):
        folder = FOLDER / READERS[name]
        through_beam = manual_data.prepare(name, folder, tmp_path / "beam", direct_runner, use_beam=True)
        by_threads = manual_data.prepare(name, folder, tmp_path / "threads")
        assert stored_examples(through_beam) == stored_examples(by_threads)

    def test_bad_files_are_left_out_and_listed(self, bad_manual_dir, tmp_path, direct_runner):
        through_beam = prepare(bad_manual_dir, tmp_path / "beam", direct_runner, use_beam=True, skip_bad=True)
        by_threads = prepare(bad_manual_dir, tmp_path / "threads", skip_bad=True)
        lists = [(epath.Path(builder.data_dir) / LEFT_OUT).read_text() for builder in (through_beam, by_threads)]
        assert lists[0] == lists[1] != ""
        assert stored_examples(through_beam) == stored_examples(by_threads)

    def test_bad_file_is_named(self, bad_manual_dir, tmp_path, direct_runner):
        # Which of the two comes first, Beam does not say.
        with pytest.raises(Exception, match="|".join(BAD)):
            prepare(bad_manual_dir, tmp_path, direct_runner, use_beam=True)


class WithoutBeamTest:
    def test_says_what_to_install(self, manual_dir, tmp_path):
        with mock.patch.dict(sys.modules, {"apache_beam": None}), pytest.raises(ImportError, match="prepare"):
            prepare(manual_dir, tmp_path, use_beam=True)
        assert num_examples(prepare(manual_dir, tmp_path))["test"] == 1
