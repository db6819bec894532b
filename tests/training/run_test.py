import contextlib
import csv
import functools
import importlib.util
import inspect
import math
import pathlib
import shutil

import h5py
import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.models import DeepLabV3Plus, UNet  # noqa: E402
from hierseg_keras.training import ConfigError, RunConfig, build, evaluate_run, load_run, train  # noqa: E402
from hierseg_keras.training.folder_claim import claimed  # noqa: E402
from hierseg_keras.training.manifest import saved_epoch  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.full_disk import full_disk  # noqa: E402
from tests.training.tiny_run import tiny_config  # noqa: E402

# A run of one epoch on four images, by the first version.
OLD_RUN = pathlib.Path(__file__).with_name("run_of_version_0_1_0")
FILES = ("config.toml", "tree.txt", "classes.csv", "run.json", "log.csv", "model.weights.h5")
HAS_TENSORBOARD = importlib.util.find_spec("tensorboard") is not None


def log(folder):
    with (folder / "log.csv").open() as file:
        return [
            {name: float(value.replace("NA", "nan")) for name, value in row.items()} for row in csv.DictReader(file)
        ]


def assert_repeats(values, row):
    """Swapping averaged weights in and out rounds them; batches of other sizes have other means of labeled pixels."""
    assert {f"val_{name}" for name in values} <= row.keys()
    for name, value in values.items():
        assert value == pytest.approx(row[f"val_{name}"], rel=1e-2 if name == "loss" else 1e-3, abs=1e-3), name


def exchange_leaves(path):
    """Two classes of a tree file change places."""
    text = path.read_text("utf-8")
    first, second = ClassTree.from_text(text).names[:2]
    text = text.replace(first, "exchanged").replace(second, first).replace("exchanged", second)
    path.write_text(text, "utf-8")


def recorded(cls, made):
    """In place of a network's class: keeps the arguments that it is called with, and makes a small network."""

    @functools.wraps(cls, updated=())
    def make(*_, **options):
        made.append(options)
        return UNet(options["tree"], filters=1, num_stages=1)

    make.__signature__ = inspect.signature(cls)
    return staticmethod(make)


def events(folder):
    """The values that a folder's event files hold, by tag."""
    files = [str(path) for path in folder.glob("events.*")]
    records = (tf.compat.v1.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(files))
    return {value.tag: tf.make_ndarray(value.tensor) for event in records for value in event.summary.value}


def assert_shown(folder):
    """Figures, and a picture of each of three images."""
    assert {"epoch_loss", "epoch_miou_1", "epoch_depth_loss_1"} <= events(folder / "validation").keys()
    pictures = events(folder / "pictures")
    assert set(pictures) == {"validation_1", "validation_2", "validation_3"}
    width, height, png = pictures["validation_1"]
    picture = tf.io.decode_png(png).numpy()
    assert picture.shape == (int(height), int(width), 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


class TrainTest:
    @pytest.mark.large
    def test_everything_at_once_on_two_replicas(self, data_dir, tmp_path, run_eagerly, two_replicas):
        """The figures in the log are those of the network that is saved, on any number of replicas."""
        schedule = {"accumulation_steps": 2, "ema_momentum": 0.5, "epochs": 2, "early_stopping_patience": 5}
        options = {"schedule": schedule, "precision": "mixed_bfloat16", "loss": {"name": "TreeMin"}}
        config = tiny_config(data_dir, **options, tensorboard=HAS_TENSORBOARD)
        model = train(config, tmp_path / "run", verbose=0, strategy=two_replicas)
        assert int(model.optimizer.iterations.numpy()) == 4 and float(model.optimizer.learning_rate) == 0
        rows = log(tmp_path / "run")
        best = max(rows, key=lambda row: row["val_miou_mean"])
        loaded_config, loaded = load_run(tmp_path / "run")
        assert loaded_config == config
        for weight, saved in zip(model.get_weights(), loaded.get_weights()):
            np.testing.assert_allclose(weight, saved, rtol=1e-5, atol=1e-7)
        assert_repeats(evaluate_run(tmp_path / "run", verbose=0), best)
        if HAS_TENSORBOARD:
            assert_shown(tmp_path / "run" / "tensorboard")

    @pytest.mark.parametrize("every, validated", [(2, [1, 2]), (None, [2])])
    def test_validates_every_so_many_epochs_and_after_the_last(self, every, validated, data_dir, tmp_path, run_eagerly):
        schedule = {"early_stopping_patience": every and 1, "epochs": 3}
        config = tiny_config(
            data_dir, schedule=schedule, evaluation={"every": every}, optimizer={"learning_rate": 1e-30}
        )
        train(config, tmp_path / "run", verbose=0)
        rows = log(tmp_path / "run")
        assert [epoch for epoch, row in enumerate(rows) if math.isfinite(row["val_miou_mean"])] == validated
        best = max(validated, key=lambda epoch: rows[epoch]["val_miou_mean"])
        assert saved_epoch(tmp_path / "run") == best + 1

    @pytest.mark.large
    def test_stops_early_with_the_best_epochs_weights(self, data_dir, tmp_path, run_eagerly):
        """A rate so high that the first epochs are the best."""
        schedule = {"early_stopping_patience": 1, "epochs": 8}
        config = tiny_config(data_dir, schedule=schedule, optimizer={"learning_rate": 1.0})
        model = train(config, tmp_path / "run", verbose=0)
        rows = log(tmp_path / "run")
        assert len(rows) < 8
        best = int(np.argmax([row["val_miou_mean"] for row in rows]))
        assert best == len(rows) - 2
        assert (tmp_path / "run" / "pictures" / f"epoch_{len(rows):03d}.png").is_file()
        assert_repeats(evaluate_run(tmp_path / "run", verbose=0), rows[best])
        for weight, saved in zip(model.get_weights(), load_run(tmp_path / "run")[1].get_weights()):
            np.testing.assert_array_equal(weight, saved)

    @pytest.mark.parametrize(
        "options, message",
        [
            ({"jit_compile": True}, "`jit_compile=True` expects one replica"),
            ({"data": {"batch_size": 3}}, "Received: batch_size=3. Pass 4"),
        ],
    )
    def test_refused_before_data_are_prepared(self, options, message, tmp_path, two_replicas):
        config = tiny_config(tmp_path / "data", **options)
        with pytest.raises(ValueError, match=message):
            train(config, tmp_path / "run", strategy=two_replicas)
        assert not any(tmp_path.iterdir())

    @pytest.mark.parametrize(
        "options, message",
        [
            ({"network": {"name": "DeepLabV3Plus", "backbone": "resnet51"}}, "`network` .* `backbone` expects"),
            ({"method": {"name": "HS3", "clusters": False, "stages": ["no"]}}, "`method` .* the name of a layer"),
            ({"loss": {"class_weights": {"nothing": 1.0}}}, "`loss` .* 'nothing' is not a node"),
            ({"optimizer": {"name": "SGD", "momentum": 3.0}}, "`optimizer` .*`momentum` must be"),
            ({"evaluation": {"metrics": [{"name": "PathCoherence"}] * 2}}, "`evaluation.metrics` .* different names"),
            ({"callbacks": [{"name": "ModelCheckpoint", "filepath": "a"}]}, "`callback` .*must end in `.keras`"),
            ({"callbacks": [{"name": "ReduceLROnPlateau"}]}, "`callbacks` .* leave the learning rate to `schedule"),
            (
                {"callbacks": [{"name": "EarlyStopping", "restore_best_weights": True}]},
                "`callbacks` .* Set `schedule.early_stopping_patience`",
            ),
            (
                {"callbacks": [{"name": "EarlyStopping"}], "schedule": {"ema_momentum": 0.9}},
                "`callbacks` expects EarlyStopping without .*`schedule.ema_momentum`",
            ),
            ({"freeze": "backbone"}, '`freeze` expects `init` or pretrained weights .* Received: "backbone" with'),
            (
                {"evaluation": {"every": False}, "schedule": {"early_stopping_patience": 5}},
                "`evaluation.every` expects a number .* Received: false with 5",
            ),
            (
                {"data": {"tree": "cityscape"}},
                "`data.tree` .*Received: 'cityscape', which is not there. Did you mean `cityscapes`",
            ),
        ],
    )
    def test_options_that_a_class_refuses_are_reported_before_data_are_prepared(self, options, message, tmp_path):
        config = tiny_config(tmp_path / "data", **options)
        with pytest.raises(ConfigError, match=f"^{message}"):
            train(config, tmp_path / "run")
        assert not any(tmp_path.iterdir())

    def test_crops_that_are_mostly_padding_raise_a_warning(self, tmp_path):
        data = {"crop_size": (512, 1024), "size": (90, 120), "batch_size": 3, "data_dir": str(tmp_path)}
        with pytest.warns(UserWarning, match=r"\(512, 1024\) has 49 times the area of the images"):
            # Refused afterwards, because two replicas cannot share three images.
            with pytest.raises(ValueError, match="batch_size"):
                train(tiny_config(data=data, replicas=2), tmp_path / "run")

    def test_validation_on_training_images_raises_a_warning(self, data_dir, tmp_path):
        schedule = {"accumulation_steps": 9}
        config = tiny_config(data_dir, evaluation={"split": "train[15:20]"}, schedule=schedule)
        with pytest.warns(UserWarning, match=r"`evaluation.split` 'train\[15:20\]' has images of `data.train_split`"):
            # Refused afterwards, because the run has fewer batches.
            with pytest.raises(ValueError, match="accumulation_steps"):
                train(config.replace(schedule={"epochs": 1}), tmp_path / "run", verbose=0)

    def test_too_few_validation_images_for_the_replicas(self, data_dir, tmp_path, two_replicas):
        config = tiny_config(data_dir, evaluation={"split": "validation[:1]"})
        with pytest.raises(ValueError, match="on 2 replicas expects .*Received: 1 images"):
            train(config, tmp_path / "run", strategy=two_replicas)
        assert not (tmp_path / "run").exists()

    def test_averaged_weights_without_a_step_in_the_first_epoch(self, data_dir, tmp_path):
        schedule = {"accumulation_steps": 2, "ema_momentum": 0.5, "epochs": 2}
        config = tiny_config(data_dir, data={"train_split": "train[:4]"}, schedule=schedule)
        message = r"`schedule.accumulation_steps` expects at most .* in an epoch \(1\) .* Received: 2"
        with pytest.raises(ValueError, match=message):
            train(config, tmp_path / "run")
        assert not (tmp_path / "run").exists()


class FiniteWeightsTest:
    @pytest.mark.large
    def test_epoch_that_is_not_finite_keeps_the_one_before(self, data_dir, tmp_path, run_eagerly, monkeypatch):
        """Training does not read moving averages: its loss stays finite, and the validation loss does not."""

        class PoisonSecondEpoch(keras.callbacks.TerminateOnNaN):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 1:
                    averages = [weight for weight in self.model.weights if "moving_variance" in weight.path]
                    averages[0].assign(averages[0] * np.nan)

        config = tiny_config(data_dir, schedule={"epochs": 3})
        folder = tmp_path / "run"
        with monkeypatch.context() as context:
            context.setattr(keras.callbacks, "TerminateOnNaN", PoisonSecondEpoch)
            message = f"`val_loss` became nan in epoch 2. {folder / 'model.weights.h5'} keeps the weights of epoch 1."
            with pytest.raises(FloatingPointError, match=message):
                train(config, folder, verbose=0)
        rows = log(folder)
        assert len(rows) == 2 and np.isfinite(rows[1]["loss"]) and np.isnan(rows[1]["val_loss"])
        with pytest.warns(UserWarning, match="is an unfinished run: .* Its weights are those of epoch 1"):
            values = evaluate_run(folder, verbose=0)
        assert_repeats(values, rows[0])

    def test_weights_that_are_not_finite_are_not_loaded(self, tmp_path):
        shutil.copytree(OLD_RUN, tmp_path / "run")
        with pytest.warns(UserWarning, match="has no run.json"):
            _, model = load_run(tmp_path / "run")
        model.set_weights([weight * np.nan for weight in model.get_weights()])
        model.save_weights(tmp_path / "run" / "model.weights.h5")
        message = r"loading .*model.weights.h5 expects finite weights. Received: .*, 54 of 54 values .* more"
        with pytest.warns(UserWarning), pytest.raises(FloatingPointError, match=message):
            load_run(tmp_path / "run")


class FilesOfARunTest:
    def test_run_of_an_earlier_version_loads_with_one_warning(self):
        """Trained by 0.1.0 with Keras's SGD: the optimizer that is saved with the weights is not needed."""
        with pytest.warns(UserWarning, match="has no run.json, probably because an earlier version") as warned:
            config, model = load_run(OLD_RUN)
        assert len(warned) == 1 and config.optimizer.name == "CoupledSGD"
        image = np.arange(8 * 8 * 3, dtype="float32").reshape(1, 8, 8, 3)
        expected = [-2.8163130283355713, -2.8708808422088623, -2.793416738510132, -2.7874202728271484]
        np.testing.assert_allclose(model(image)[0, 3, 4, :4], expected, rtol=1e-5)

    @pytest.mark.large
    def test_full_disk_keeps_the_epoch_before(self, data_dir, tmp_path, run_eagerly, monkeypatch, capsys):
        """The second epoch's checkpoint cannot be written."""
        from hierseg_keras.cli.main import main

        disk = contextlib.ExitStack()

        class FillDisk(keras.callbacks.TerminateOnNaN):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 1:
                    disk.enter_context(full_disk(20_000))

        folder = tmp_path / "run"
        options = "--network.name UNet --network.filters 2 --network.num_stages 1 --data.crop_size 24,32"
        options += " --data.batch_size 4 --replicas 1 --schedule.epochs 2"
        options += " --data.train_split train[:4] --evaluation.split validation[:2]"
        options += f" --data.data_dir {data_dir} --out {folder}"
        with monkeypatch.context() as context, disk:
            context.setattr(keras.callbacks, "TerminateOnNaN", FillDisk)
            assert main(["train", *options.split()]) == 1
        printed = capsys.readouterr().err
        assert f"File too large: '{folder / 'checkpoints' / 'batch_000000002'}'" in printed and printed.count("\n") == 1
        assert {path.name for path in folder.iterdir()} == {*FILES, "pictures", "checkpoints"}
        # HDF5 ends a process with a segmentation fault where it could not write a file that is still open.
        assert h5py.h5f.get_obj_count(types=h5py.h5f.OBJ_FILE) == 0
        # Killed or full: the run loads.
        with pytest.warns(UserWarning, match="is an unfinished run"):
            load_run(folder)
        exchange_leaves(folder / "tree.txt")
        with pytest.raises(ValueError, match=f"Received: {folder / 'tree.txt'}, which was changed or damaged"):
            load_run(folder)
        assert main(["evaluate", str(folder), "--replicas", "1"]) == 1
        printed = capsys.readouterr().err
        assert "tree.txt, which was changed or damaged" in printed and printed.count("\n") == 1

    def test_folder_of_another_process_is_refused_at_once(self, tmp_path):
        with claimed(tmp_path / "run"), pytest.raises(FileExistsError, match="no other process writes to"):
            train(tiny_config(tmp_path / "data"), tmp_path / "run")
        assert not any(tmp_path.iterdir())


class MakeModelTest:
    def test_pretrained_weights_are_not_fetched_for_a_saved_run(self, monkeypatch):
        made = []
        config = RunConfig(network={"name": "DeepLabV3Plus", "weights": "imagenet"})
        monkeypatch.setattr(type(config.network), "made", recorded(DeepLabV3Plus, made))
        for pretrained in (True, False):
            build.make_model(config, ClassTree(["a"]), pretrained=pretrained)
        assert [options["weights"] for options in made] == ["imagenet", None]


class TensorBoardTest:
    def test_missing_package_is_told_before_data_are_prepared(self, tmp_path, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ModuleNotFoundError, match="pip install tensorboard"):
            train(tiny_config(tmp_path / "data", tensorboard=True), tmp_path / "run")
        assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["report.txt", "report.png"])
def test_a_file_that_is_no_report_is_not_replaced(name, tmp_path):
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError, match=f"Received: .*{name}, which is no part of a report"):
        evaluate_run(tmp_path / "run", report=tmp_path)
    assert (tmp_path / name).read_text() == "mine"


class HSSNRunTest:
    @pytest.mark.large
    def test_trains_reports_averages_and_exports(self, data_dir, tmp_path, run_eagerly):
        from hierseg_keras.cli.main import main

        config = tiny_config(data_dir, method={"name": "HSSN"}, schedule={"steps": 6})
        train(config, tmp_path / "run", verbose=0)
        rows = log(tmp_path / "run")
        # Four batches an epoch: two epochs for six steps.
        assert len(rows) == 2 and 0 < rows[0]["beta"] < rows[1]["beta"] < 0.5 and rows[1]["tree_triplet"] > 0
        assert_repeats(evaluate_run(tmp_path / "run", verbose=0, report=tmp_path / "report"), rows[-1])
        assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.txt", "report.csv", "report.png"}
        options = ["--scales", "0.5,1", "--flip", "--window", "64x64", "--overlap", "0.5"]
        assert main(["evaluate", str(tmp_path / "run"), "--replicas", "1", *options]) == 0
        assert main(["export", str(tmp_path / "run"), "--out", str(tmp_path / "export")]) == 0
        assert not any("projection" in v.name for v in tf.saved_model.load(str(tmp_path / "export")).variables)
