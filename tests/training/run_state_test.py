import os

import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.training import load_run, train  # noqa: E402
from hierseg_keras.training.folder_claim import claimed  # noqa: E402
from hierseg_keras.training.manifest import MANIFEST, WEIGHTS  # noqa: E402
from hierseg_keras.training.run_state import check_new, refuse_without, warn_if_unfinished  # noqa: E402
from tests.training.manifest_test import run, save_weights  # noqa: E402, F401
from tests.training.tiny_run import tiny_config  # noqa: E402


@pytest.fixture
def stopped(run):  # noqa: F811
    """A run that was killed in its first epoch."""
    (run / WEIGHTS).unlink()
    return run


class CheckNewTest:
    @pytest.mark.parametrize("has_weights", [True, False])
    def test_run_that_was_stopped_is_named_as_such(self, has_weights, run):  # noqa: F811
        if not has_weights:
            (run / WEIGHTS).unlink()
        with claimed(run), pytest.raises(FileExistsError, match="contains an unfinished run") as caught:
            check_new(run)
        assert ("init=" in str(caught.value)) == has_weights and "--resume" in str(caught.value)

    def test_finished_run_is_named_as_such(self, run):  # noqa: F811
        (run / MANIFEST).unlink()
        with pytest.raises(FileExistsError, match=r"a finished run\. Choose another one, which may start from"):
            check_new(run)

    def test_other_files_are_no_run(self, tmp_path):
        (tmp_path / "mine").touch()
        with pytest.raises(FileExistsError, match=r"is not empty\. Choose another one\.$"):
            check_new(tmp_path)


class RefuseWithoutTest:
    def test_run_that_was_stopped_in_its_first_epoch(self, stopped):
        with pytest.raises(FileNotFoundError, match="unfinished run without weights: its training was stopped"):
            refuse_without(stopped, [WEIGHTS])

    def test_run_that_is_in_its_first_epoch(self, stopped):
        with claimed(stopped), pytest.raises(FileNotFoundError, match="being trained by another .* Wait for"):
            refuse_without(stopped, [WEIGHTS])

    def test_folder_of_runs(self, run):  # noqa: F811
        with pytest.raises(FileNotFoundError, match=f"contains runs: {run}. Pass one of them"):
            refuse_without(run.parent, [WEIGHTS])

    def test_what_is_no_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="is not there. Correct the path"):
            refuse_without(tmp_path / "lost", [WEIGHTS])
        (tmp_path / "file").touch()
        with pytest.raises(FileNotFoundError, match="is a file"):
            refuse_without(tmp_path / "file", [WEIGHTS])


class WarnIfUnfinishedTest:
    def test_says_which_weights_there_are(self, run):  # noqa: F811
        with pytest.warns(UserWarning, match="training was stopped before the end. Its weights are those of epoch 1."):
            warn_if_unfinished(run)
        with claimed(run), pytest.warns(UserWarning, match="it is being trained by another .* Wait for its end"):
            warn_if_unfinished(run)


@pytest.mark.large
def test_commands_say_that_a_run_is_unfinished(tmp_path, data_dir, capsys, monkeypatch):
    """A run whose training raises an error in its second epoch."""
    monkeypatch.chdir(tmp_path)

    def stop(callback, epoch, logs=None):
        if epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr("hierseg_keras.training.callbacks.DrawPredictions.on_epoch_begin", stop, raising=False)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_config(data_dir, schedule={"epochs": 2}), "run", verbose=0)
    with pytest.warns(UserWarning, match=r"^run is an unfinished run: .* of epoch 1\. Resume it .*--resume run`\) for"):
        assert main(["evaluate", "run"]) == 0
    assert main(["train", "--config", "run/config.toml", "--out", "run"]) == 1
    assert "contains an unfinished run" in capsys.readouterr().err
    os.remove("run/model.weights.h5")
    for command in ("evaluate run", "calibrate run", "export run --out model", "predict run x.png --out out"):
        assert main(command.split()) == 1
        printed = capsys.readouterr().err
        assert "Received: run, which is an unfinished run without weights" in printed and printed.count("\n") == 1
    train(tiny_config(data_dir, schedule={"epochs": 1}), "whole", verbose=0)
    load_run("whole")
