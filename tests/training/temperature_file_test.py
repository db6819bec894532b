import json

import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.training.manifest import (  # noqa: E402
    CALIBRATION,
    CONFIG,
    MANIFEST,
    TREE,
    WEIGHTS,
    Manifest,
    check_files,
    weights_hash,
)
from hierseg_keras.training.temperature_file import load_temperature, save_temperature  # noqa: E402


@pytest.fixture
def run(tmp_path):
    """The files of a run, as far as a temperature reads them."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / CONFIG).write_text("{}")
    (folder / TREE).write_text("road\nsky\n")
    manifest = Manifest(folder)
    manifest.announce_weights(b"weights", 1)
    (folder / WEIGHTS).write_bytes(b"weights")
    return folder


class TemperatureFileTest:
    def test_is_loaded_as_saved_and_replaced(self, run):
        for temperature in (1.5, 2.5):
            save_temperature(run, weights_hash(run), {"temperature": temperature})
            assert load_temperature(run) == temperature
            check_files(run)

    def test_run_without_one_says_which_command_makes_it(self, run):
        with pytest.raises(FileNotFoundError, match=r"lacks calibration.json. Run `hierseg calibrate"):
            load_temperature(run)

    def test_changed_file_is_refused(self, run):
        save_temperature(run, weights_hash(run), {"temperature": 1.5})
        (run / CALIBRATION).write_text((run / CALIBRATION).read_text().replace("1.5", "15"))
        with pytest.raises(ValueError, match="changed or damaged"):
            load_temperature(run)

    def test_is_of_the_weights_it_was_fitted_to(self, run):
        save_temperature(run, weights_hash(run), {"temperature": 1.5})
        (run / WEIGHTS).write_bytes(b"later weights")
        with pytest.raises(ValueError, match="fitted to other weights"):
            load_temperature(run)

    @pytest.mark.parametrize("content", ["", "[]", "{}", '{"format_version": 2}', '"a"'])
    def test_damaged_file_of_a_run_without_manifest_is_refused(self, content, run):
        (run / MANIFEST).unlink()
        save_temperature(run, weights_hash(run), {"temperature": 1.5})
        assert load_temperature(run) == 1.5
        (run / CALIBRATION).write_text(content)
        with pytest.raises(ValueError, match="cannot be read"):
            load_temperature(run)
        for temperature in (0, -1, float("nan")):
            save_temperature(run, weights_hash(run), {"temperature": temperature})
            with pytest.raises(ValueError, match="cannot be read"):
                load_temperature(run)

    def test_one_of_the_two_is_loaded_after_a_kill(self, run):
        save_temperature(run, weights_hash(run), {"temperature": 1.5})
        before = json.loads((run / MANIFEST).read_text())
        # Killed after `run.json` lists the next file, before that file is there.
        (run / MANIFEST).write_text(json.dumps({**before, "calibration": ["next", *before["calibration"]]}))
        assert load_temperature(run) == 1.5
        save_temperature(run, weights_hash(run), {"temperature": 2.5})
        assert load_temperature(run) == 2.5
