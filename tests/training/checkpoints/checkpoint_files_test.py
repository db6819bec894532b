import hashlib
import json
import pickle
import shutil
import zipfile

import numpy as np
import pytest

from hierseg_keras.training.checkpoints.checkpoint_files import Checkpoint, Position, last_checkpoint, save_checkpoint
from tests.full_disk import full_disk


def checkpoint(epoch, batch):
    arrays = {"model/0": np.arange(6, dtype="float32").reshape(2, 3) + batch, "empty": np.zeros((0, 2), "int64")}
    return Checkpoint(Position(epoch, batch, 10), arrays, [{"best": 0.1, "name": None}], {"seed": 1})


def assert_equal(one, other):
    assert (one.position, one.values, one.config) == (other.position, other.values, other.config)
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        assert array.dtype == other.arrays[name].dtype and np.array_equal(array, other.arrays[name])


class CheckpointFilesTest:
    def test_the_last_one_is_loaded_and_two_are_kept(self, tmp_path):
        assert last_checkpoint(tmp_path / "none") is None
        for epoch, batch in ((0, 3), (0, 10), (1, 2)):
            save_checkpoint(tmp_path, checkpoint(epoch, batch))
        assert_equal(last_checkpoint(tmp_path), checkpoint(1, 2))
        assert {path.name for path in tmp_path.iterdir()} == {"batch_000000010", "batch_000000012"}

    @pytest.mark.parametrize("damage", ["truncated", "changed", "empty", "no state", "no manifest", "broken manifest"])
    def test_a_damaged_one_is_passed_over(self, damage, tmp_path):
        save_checkpoint(tmp_path, checkpoint(0, 3))
        save_checkpoint(tmp_path, checkpoint(0, 4))
        state, manifest = (tmp_path / "batch_000000004" / name for name in ("state.npz", "manifest.json"))
        content = bytearray(state.read_bytes())
        if damage == "changed":
            content[len(content) // 2] ^= 1
        damages = {
            "truncated": lambda: state.write_bytes(content[:-20]),
            "changed": lambda: state.write_bytes(content),
            "empty": lambda: state.write_bytes(b""),
            "no state": state.unlink,
            "no manifest": manifest.unlink,
            "broken manifest": lambda: manifest.write_text("[]"),
        }
        damages[damage]()
        with pytest.warns(UserWarning, match="batch_000000004 is damaged"):
            assert_equal(last_checkpoint(tmp_path), checkpoint(0, 3))

    def test_damaged_ones_make_way_for_earlier_ones(self, tmp_path):
        for batch in (6, 8):
            save_checkpoint(tmp_path, checkpoint(0, batch))
            (tmp_path / f"batch_{batch:09d}" / "state.npz").write_bytes(b"")
        with pytest.warns(UserWarning, match="is damaged"):
            assert last_checkpoint(tmp_path) is None
        for batch in (2, 4):
            save_checkpoint(tmp_path, checkpoint(0, batch))
            assert_equal(last_checkpoint(tmp_path), checkpoint(0, batch))
        assert {path.name for path in tmp_path.iterdir()} == {"batch_000000002", "batch_000000004"}

    def test_a_file_in_place_of_the_folder_is_refused(self, tmp_path):
        (tmp_path / "checkpoints").write_text("")
        with pytest.raises(FileExistsError, match="expected the folder of a run's checkpoints. Received: .*a file"):
            last_checkpoint(tmp_path / "checkpoints")

    def test_pickled_objects_are_not_loaded(self, tmp_path):
        class Trap:
            def __reduce__(self):
                return print, ("loaded",)

        save_checkpoint(tmp_path, checkpoint(0, 3))
        state = tmp_path / "batch_000000003" / "state.npz"
        with zipfile.ZipFile(state, "a") as file:
            file.writestr("trap.npy", np.lib.format.magic(1, 0) + pickle.dumps(Trap()))
        manifest = state.with_name("manifest.json")
        sha256 = hashlib.sha256(state.read_bytes()).hexdigest()
        manifest.write_text(json.dumps({"format_version": 1, "sha256": sha256}))
        with pytest.raises(ValueError, match="header|pickle|Cannot"):
            last_checkpoint(tmp_path)

    def test_a_later_format_is_refused(self, tmp_path):
        save_checkpoint(tmp_path, checkpoint(0, 3))
        (tmp_path / "batch_000000003" / "manifest.json").write_text(json.dumps({"format_version": 2, "sha256": ""}))
        with pytest.raises(ValueError, match="expected a checkpoint of format version 1. Received: .*version 2"):
            last_checkpoint(tmp_path)

    def test_a_full_disk_keeps_the_earlier_ones(self, tmp_path):
        save_checkpoint(tmp_path, checkpoint(0, 3))
        with full_disk(100), pytest.raises(OSError, match="too large"):
            save_checkpoint(tmp_path, checkpoint(0, 4))
        assert [path.name for path in tmp_path.iterdir()] == ["batch_000000003"]
        assert_equal(last_checkpoint(tmp_path), checkpoint(0, 3))

    def test_a_folder_of_a_killed_process_is_no_checkpoint(self, tmp_path):
        save_checkpoint(tmp_path, checkpoint(0, 3))
        shutil.copytree(tmp_path / "batch_000000003", tmp_path / ".batch_000000004.x.unfinished" / "new")
        assert_equal(last_checkpoint(tmp_path), checkpoint(0, 3))
