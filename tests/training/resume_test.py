"""Runs that are stopped, killed or damaged, and go on as if nothing had happened."""

import json
import math
import signal

import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.training import ConfigError, RunConfig, callbacks, load_run, train  # noqa: E402
from hierseg_keras.training.checkpoints.stop_request import TrainingInterrupted  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.training.tiny_run import tiny_config  # noqa: E402

SCHEDULES = {
    "averaged weights": {"schedule": {"ema_momentum": 0.5, "early_stopping_patience": 1}},
    "triplets": {
        "method": {"name": "HSSN", "triplet": {"num_triplets": 5}},
        "schedule": {"accumulation_steps": 3},
    },
}
BATCHES = 4


class SignalAt(keras.callbacks.Callback):
    """Sends this process a signal after a number of batches, of training or of validation."""

    train_batch = test_batch = None

    def on_train_begin(self, logs=None):
        self._count = self._tests = 0

    def on_train_batch_end(self, batch, logs=None):
        self._count += 1
        if self._count == self.train_batch:
            signal.raise_signal(signal.SIGTERM)

    def on_test_batch_end(self, batch, logs=None):
        self._tests += 1
        if self._tests == self.test_batch:
            signal.raise_signal(signal.SIGINT)


class CountBatches(keras.callbacks.Callback):
    """Counts batches, as `fit` tells it."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def on_train_batch_begin(self, batch, logs=None):
        self.count += 1

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1


class Killed(BaseException):
    """In place of SIGKILL, after which nothing of the process runs."""


def weights(folder):
    return [variable.numpy() for variable in load_run(folder)[1].variables if variable.dtype == "float32"]


def assert_same_run(folder, other):
    for one, two in zip(weights(folder), weights(other), strict=True):
        assert np.array_equal(one, two)
    assert (folder / "log.csv").read_bytes() == (other / "log.csv").read_bytes()
    assert (folder / "config.toml").read_bytes() == (other / "config.toml").read_bytes()


def checkpoints(folder):
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


@pytest.fixture
def config(data_dir):
    return tiny_config(data_dir, schedule={"epochs": 3}, callbacks=[{"name": f"{__name__}:SignalAt"}])


@pytest.fixture
def kill_at(monkeypatch):
    """Trains until the optimizer has made a number of steps, after which nothing more is saved."""

    def kill(batch, config, folder, **options):
        def end(self, own, logs=None):
            if self.model.optimizer.iterations == batch:
                raise Killed

        with monkeypatch.context() as context, pytest.raises(Killed):
            context.setattr(SignalAt, "on_train_batch_end", end)
            train(config, folder, verbose=0, **options)

    return kill


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """Trains until a signal comes after a batch."""

    def stop(config, name="stopped", **at):
        with monkeypatch.context() as context, pytest.raises(TrainingInterrupted) as caught:
            for when, batch in at.items():
                context.setattr(SignalAt, when, batch)
            train(config, tmp_path / name, verbose=0)
        return tmp_path / name, caught.value

    return stop


@pytest.mark.usefixtures("run_eagerly")
@pytest.mark.usefixtures("interruptible")
class ResumeTest:
    @pytest.mark.large
    @pytest.mark.parametrize("schedule", SCHEDULES)
    def test_a_stopped_run_goes_on_bit_for_bit(self, schedule, config, stopped, tmp_path):
        config = config.replace(**SCHEDULES[schedule])
        train(config, tmp_path / "whole", verbose=0)
        # In the middle of an epoch, and at the end of one.
        for batch in (BATCHES + 2, 2 * BATCHES):
            folder, stop = stopped(config, f"stopped_{batch}", train_batch=batch)
            assert stop.signal == signal.SIGTERM and checkpoints(folder)[-1] == f"batch_{batch:09d}"
            assert not json.loads((folder / "run.json").read_text())["finished"]
            train(config, folder, verbose=0, resume=True)
            assert_same_run(tmp_path / "whole", folder)

    @pytest.mark.large
    def test_a_run_stopped_during_validation_goes_on(self, config, stopped, tmp_path):
        config = config.replace(**SCHEDULES["averaged weights"])
        train(config, tmp_path / "whole", verbose=0)
        # Each validation has two batches.
        folder, stop = stopped(config, test_batch=3)
        assert stop.signal == signal.SIGINT and checkpoints(folder)[-1] == f"batch_{2 * BATCHES:09d}"
        train(config, folder, verbose=0, resume=True)
        assert_same_run(tmp_path / "whole", folder)

    @pytest.mark.large
    def test_a_run_killed_after_a_checkpoint_goes_on_from_it(self, config, tmp_path, kill_at):
        """Also if the last checkpoint is damaged, and from the start if there is none."""
        config = config.replace(save_every=2)
        train(config, tmp_path / "whole", verbose=0)

        kill_at(7, config, tmp_path / "killed")
        assert checkpoints(tmp_path / "killed") == ["batch_000000004", "batch_000000006"]
        (tmp_path / "killed" / "checkpoints" / "batch_000000006" / "state.npz").write_bytes(b"")
        with pytest.warns(UserWarning, match="batch_000000006 is damaged"):
            train(config, tmp_path / "killed", verbose=0, resume=True)
        assert_same_run(tmp_path / "whole", tmp_path / "killed")

        kill_at(1, config, tmp_path / "early")
        assert not (tmp_path / "early" / "checkpoints").exists()
        train(config, tmp_path / "early", verbose=0, resume=True)
        assert_same_run(tmp_path / "whole", tmp_path / "early")

    def test_a_run_with_weights_has_a_checkpoint(self, config, tmp_path, kill_at):
        kill_at(BATCHES + 1, config, tmp_path / "run")
        assert config.save_every == "5min" and checkpoints(tmp_path / "run") == [f"batch_{BATCHES:09d}"]
        # A run that saves none is not begun anew.
        kill_at(BATCHES + 1, config.replace(save_every=None), tmp_path / "other")
        with pytest.raises(ValueError, match="has weights but no checkpoint"):
            train(config, tmp_path / "other", verbose=0, resume=True)

    @pytest.mark.large
    def test_a_run_killed_before_its_first_checkpoint_starts_from_the_same_weights(self, config, tmp_path, kill_at):
        config = config.replace(schedule={"epochs": 1})
        train(config, tmp_path / "init", verbose=0)
        config = config.replace(init=str(tmp_path / "init"))
        train(config, tmp_path / "whole", verbose=0)
        kill_at(1, config, tmp_path / "killed")
        assert not (tmp_path / "killed" / "checkpoints").exists()
        train(config, tmp_path / "killed", verbose=0, resume=True)
        assert_same_run(tmp_path / "whole", tmp_path / "killed")
        assert "init" in json.loads((tmp_path / "killed" / "run.json").read_text())

    def test_a_run_killed_before_its_first_checkpoint_may_get_other_epochs(self, config, tmp_path, kill_at):
        config = config.replace(schedule={"epochs": 2})
        kill_at(1, config, tmp_path / "killed")
        config = config.replace(schedule={"epochs": 1})
        train(config, tmp_path / "whole", verbose=0)
        train(config, tmp_path / "killed", verbose=0, resume=True)
        assert_same_run(tmp_path / "whole", tmp_path / "killed")

    def test_the_palette_may_change(self, config, stopped, monkeypatch):
        folder, _ = stopped(config.replace(schedule={"epochs": 1}), train_batch=2)
        palettes, draw = [], callbacks.draw_levels
        monkeypatch.setattr(
            callbacks, "draw_levels", lambda *args, palette: palettes.append(palette) or draw(*args, palette=palette)
        )
        tree = ClassTree.load("street_blocks")
        (folder.parent / "red.csv").write_text("id,class,node,color\n0,,sky,#ff0000\n")
        config = config.replace(schedule={"epochs": 1}, data={"palette": str(folder.parent / "red.csv")})
        train(config, folder, verbose=0, resume=True)
        assert palettes[-1][tree.index("sky")].tolist() == [255, 0, 0]

    def test_callbacks_do_not_remember_skipped_batches(self, config, stopped, monkeypatch):
        config = config.replace(
            callbacks=[{"name": f"{__name__}:SignalAt"}, {"name": f"{__name__}:CountBatches"}], schedule={"epochs": 2}
        )
        folder, _ = stopped(config, train_batch=BATCHES + 2)
        counts = []
        monkeypatch.setattr(CountBatches, "on_train_end", lambda self, logs=None: counts.append(self.count))
        train(config, folder, verbose=0, resume=True)
        assert counts == [2 * 2 * BATCHES]

    @pytest.mark.large
    def test_tensorboard_may_change(self, config, stopped):
        folder, _ = stopped(config, train_batch=3 * BATCHES - 1)
        train(config.replace(tensorboard=True), folder, verbose=0, resume=True)
        assert any((folder / "tensorboard").rglob("events.*"))

    @pytest.mark.large
    def test_a_signal_after_the_last_validation_ends_the_process(self, config, tmp_path, monkeypatch):
        config = config.replace(schedule={"epochs": 1})
        send = lambda *_: signal.raise_signal(signal.SIGTERM)  # noqa: E731
        monkeypatch.setattr(SignalAt, "on_epoch_end", send, raising=False)
        with pytest.raises(TrainingInterrupted, match="the training stopped after epoch 1, batch 4 of 4"):
            train(config, tmp_path / "run", verbose=0)
        monkeypatch.setattr(SignalAt, "on_epoch_end", keras.callbacks.Callback.on_epoch_end)
        monkeypatch.setattr(SignalAt, "on_train_end", send, raising=False)
        with pytest.raises(TrainingInterrupted, match="the training has reached its end"):
            train(config, tmp_path / "run", verbose=0, resume=True)
        assert json.loads((tmp_path / "run" / "run.json").read_text())["finished"]

    def test_an_edited_configuration_is_refused(self, config, stopped):
        folder, _ = stopped(config, train_batch=1)
        path = folder / "config.toml"
        path.write_text(path.read_text().replace("learning_rate = 0.003", "learning_rate = 0.1"))
        with pytest.raises(ConfigError, match=r"`optimizer.learning_rate` expects 0.003, with which .* Received: 0.1."):
            train(RunConfig.from_file(path), folder, verbose=0, resume=True)

    def test_another_configuration_is_refused_before_data_are_prepared(self, config, stopped, tmp_path):
        folder, _ = stopped(config, train_batch=1)
        other = config.replace(data={"data_dir": str(tmp_path / "empty"), "batch_size": 8})
        with pytest.raises(ConfigError, match=r"`data.batch_size` expects 4, with which .* Received: 8."):
            train(other, folder, verbose=0, resume=True)
        assert not (tmp_path / "empty").exists()

    @pytest.mark.large
    def test_a_callback_that_resumes_in_its_own_way_is_refused(self, config, stopped, monkeypatch):
        folder, _ = stopped(config, train_batch=1)
        monkeypatch.setattr(
            SignalAt, "on_train_begin", lambda self, logs=None: setattr(self.model, "_initial_epoch", 2)
        )
        with pytest.raises(ValueError, match="expected training to begin with epoch 1. Received: epoch 3"):
            train(config, folder, verbose=0, resume=True)

    def test_only_some_values_may_change(self, config, stopped, tmp_path):
        folder, _ = stopped(config, train_batch=BATCHES + 1)
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        with pytest.raises(ConfigError) as caught:
            train(config.replace(network={"filters": 3}, seed=1), folder, verbose=0, resume=True)
        first, second, last = str(caught.value).splitlines()
        assert first == f"`seed` expects 0, with which {folder} was started. Received: 1."
        assert second == f"`network.filters` expects 2, with which {folder} was started. Received: 3."
        assert last.startswith("A resumed run may only change schedule.epochs, ")
        with pytest.raises(ConfigError, match="`schedule` expects at least the epochs .* are 2. Received: 1 epochs"):
            train(config.replace(schedule={"epochs": 1}), folder, verbose=0, resume=True)
        (folder / "tree.txt").write_text("a\nb")
        with pytest.raises(ValueError, match="expected the tree with which .* was started"):
            train(config, folder, verbose=0, resume=True)
        (folder / "tree.txt").write_bytes(before[folder / "tree.txt"])
        record = json.loads(before[folder / "run.json"])
        record["data"] = dict.fromkeys(record["data"], "2:another")
        (folder / "run.json").write_text(json.dumps(record))
        with pytest.raises(ValueError, match="expected the data .*street_blocks/1.0.0, which has changed since"):
            train(config, folder, verbose=0, resume=True)
        (folder / "run.json").write_bytes(before[folder / "run.json"])
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

    def test_a_finished_run_is_loaded_and_may_get_more_epochs(self, config, tmp_path):
        config = config.replace(schedule={"epochs": 1})
        trained = train(config, tmp_path / "run", verbose=0)
        files = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*") if path.is_file()}
        loaded = train(config, tmp_path / "run", verbose=0, resume=True)
        assert all(np.array_equal(*pair) for pair in zip(trained.get_weights(), loaded.get_weights(), strict=True))
        assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*") if path.is_file()}

        # Also without checkpoints, which are large.
        (tmp_path / "run" / "checkpoints").rename(tmp_path / "checkpoints")
        train(config, tmp_path / "run", verbose=0, resume=True)
        with pytest.raises(ValueError, match="has weights but no checkpoint"):
            train(config.replace(schedule={"epochs": 2}), tmp_path / "run", verbose=0, resume=True)
        (tmp_path / "checkpoints").rename(tmp_path / "run" / "checkpoints")

        # The learning rate has reached 0 where it was planned to end.
        with pytest.raises(ValueError, match="at most 1 epochs, .* Received: 2 epochs. Pass `replan=True`"):
            train(config.replace(schedule={"epochs": 2}), tmp_path / "run", verbose=0, resume=True)
        assert load_run(tmp_path / "run")[0].schedule.epochs == 1
        assert len((tmp_path / "run" / "log.csv").read_text().splitlines()) == 2

    @pytest.mark.large
    def test_a_run_that_stopped_early_is_loaded(self, config, tmp_path, monkeypatch):
        config = config.replace(schedule={"epochs": 9, "early_stopping_patience": 1})
        monkeypatch.setattr(
            SignalAt, "on_epoch_end", lambda self, *_: setattr(self.model, "stop_training", True), raising=False
        )
        train(config.replace(save_every=None), tmp_path / "run", verbose=0)
        assert checkpoints(tmp_path / "run") == [f"batch_{BATCHES:09d}"]
        files = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*") if path.is_file()}
        train(config, tmp_path / "run", verbose=0, resume=True)
        assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*") if path.is_file()}

    @pytest.mark.large
    def test_replanned_schedules_cover_all_epochs(self, config, tmp_path, kill_at):
        config = config.replace(schedule={"epochs": 1}, method=SCHEDULES["triplets"]["method"])
        train(config, tmp_path / "run", verbose=0)
        config = config.replace(schedule={"epochs": 4})
        # Also after a run that was killed before its first replanned checkpoint.
        kill_at(BATCHES + 1, config, tmp_path / "run", resume=True, replan=True)
        seen = []
        original = SignalAt.on_train_batch_end

        def see(self, batch, logs=None):
            seen.append((float(self.model.optimizer.learning_rate), logs["beta"]))
            original(self, batch, logs)

        SignalAt.on_train_batch_end = see
        try:
            train(config, tmp_path / "run", verbose=0, resume=True)
        finally:
            SignalAt.on_train_batch_end = original
        rates = [rate for rate, _ in seen[BATCHES:]]
        expected = [3e-3 * (1 - step / (4 * BATCHES)) ** 0.9 for step in range(BATCHES + 1, 4 * BATCHES + 1)]
        assert rates == pytest.approx(expected, rel=1e-4, abs=1e-7)
        # The first batch of the second epoch is the fifth of 16.
        assert seen[BATCHES][1] == pytest.approx(0.5 * (1 - math.cos(math.pi * 4 / 16)) / 2, rel=1e-4)

    def test_the_command_line_resumes(self, config, stopped, tmp_path, capsys):
        folder, _ = stopped(config, train_batch=3)
        assert main(["train", "--resume", str(folder), "--network.filters", "3"]) == 2
        assert f"`network.filters` expects 2, with which {folder} was started" in capsys.readouterr().err
        assert main(["train", "--resume", str(folder), "--schedule.epochs", "1"]) == 0
        assert f"{folder} is resumed after epoch 1, batch 3 of {BATCHES}." in capsys.readouterr().out
        assert load_run(folder)[0].schedule.epochs == 1
        # The other options begin a run in a folder that is missing.
        assert main(["train", "--resume", str(tmp_path / "none"), "--network.filter", "3"]) == 2
        assert "`network.filter` is not an option" in capsys.readouterr().err
        assert main(["train", "--resume", str(folder), "--out", "other"]) == 2
        assert "expects --out, a new folder for the run's files, or --resume" in capsys.readouterr().err

    def test_a_missing_run_is_begun_only_with_options_of_a_new_one(self, config, tmp_path, capsys, monkeypatch):
        folder = str(tmp_path / "lnog")
        for options in ([], ["--schedule.epochs", "3"], ["--data.data_dir", "data"]):
            assert main(["train", "--resume", folder, *options]) == 2
            assert (
                f"--resume expects the folder of a run. Received: {folder}, which holds none."
                in capsys.readouterr().err
            )
        begun = []
        monkeypatch.setattr("hierseg_keras.cli.train.train", lambda config, *_, **__: begun.append(config))
        config.to_file(tmp_path / "run.toml")
        assert main(["train", "--config", str(tmp_path / "run.toml"), "--resume", folder]) == 0
        assert begun == [config] and f"{folder} holds no run: a new one begins." in capsys.readouterr().out

    def test_a_run_without_checkpoints_is_refused(self, config, tmp_path):
        (tmp_path / "run").mkdir()
        config.to_file(tmp_path / "run" / "config.toml")
        (tmp_path / "run" / "model.weights.h5").write_bytes(b"")
        with pytest.raises(ValueError, match="expected a run with a checkpoint. Received: .* Train a new run from its"):
            train(config, tmp_path / "run", verbose=0, resume=True)

    def test_without_resume_a_run_is_not_touched(self, config, stopped):
        folder, _ = stopped(config, train_batch=1)
        with pytest.raises(FileExistsError, match="expected a new or empty folder"):
            train(config, folder, verbose=0)
