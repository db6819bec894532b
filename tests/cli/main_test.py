import csv
import json
import shutil
import tomllib

import numpy as np
import pytest
from PIL import Image

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402

from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.data import ClassMap, label_counts, load  # noqa: E402
from hierseg_keras.data.class_names import class_names  # noqa: E402
from hierseg_keras.distribution.strategy import current_strategy  # noqa: E402
from hierseg_keras.training import RunConfig, load_run  # noqa: E402
from hierseg_keras.training.build import load_evaluation  # noqa: E402
from hierseg_keras.training.data_sets import DataSets  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from hierseg_keras.visualization import node_colors  # noqa: E402
from tests.manual_data import FOLDER, prepare  # noqa: E402
from tests.running_eagerly import running_eagerly  # noqa: E402

TINY = (
    "--network.name UNet --network.filters 2 --network.num_stages 2 --data.crop_size 32,40 --data.batch_size 4".split()
)
TINY += ["--schedule.epochs", "2", "--loss.name", "FocalTreeMin"]
# The test process has two CPUs, and one strategy over both that `tests.conftest` makes.
TINY += ["--replicas", "1"]
SPLITS = ["--data.train_split", "train[:16]", "--evaluation.split", "validation[:4]"]


PUBLISHED = "[{row='a row', metrics={miou_1=50.0, iiou=40.5}}, "
PUBLISHED += "{row='averaged', metrics={miou_1=60.0}, scales=[0.5, 1.0], flip=true}]"
FILES = {"config.toml", "tree.txt", "classes.csv", "run.json", "log.csv", "pictures", "model.weights.h5", "checkpoints"}


@pytest.fixture(scope="module")
def run(data_dir, tmp_path_factory):
    """A finished run on sixteen images."""
    folder = tmp_path_factory.mktemp("runs") / "a run"
    averaged = ["--schedule.ema_momentum", "0.5", "--published", PUBLISHED]
    with running_eagerly():
        assert main(["train", *TINY, *SPLITS, *averaged, "--data.data_dir", str(data_dir), "--out", str(folder)]) == 0
    return folder


class TrainTest:
    def test_folder_holds_all_of_a_run(self, run):
        config = tomllib.loads((run / "config.toml").read_text())
        assert (config["data"]["dataset"], config["data"]["crop_size"]) == ("street_blocks", [32, 40])
        # What was left out is there too.
        assert config["loss"]["gamma"] == 2.0 and config["optimizer"]["learning_rate"] == 0.003
        assert ClassTree.from_file(run / "tree.txt") == ClassTree.load("street_blocks")
        assert (run / "model.weights.h5").is_file()
        assert {path.name for path in run.iterdir()} == FILES
        assert {path.name for path in (run / "pictures").iterdir()} == {"epoch_002.png", "curves.png"}

    def test_log_has_a_row_an_epoch_with_levels_and_depths(self, run):
        with (run / "log.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [row["epoch"] for row in rows] == ["0", "1"]
        for name in ("loss", "miou_1", "miou_3", "miou_mean", "depth_loss_1", "depth_loss_3"):
            assert all(np.isfinite(float(row[prefix + name])) for row in rows for prefix in ("", "val_"))

    def test_a_folder_in_use_is_left_alone(self, run, capsys):
        before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
        assert main(["train", *TINY, "--out", str(run)]) == 1
        assert "new or empty folder" in capsys.readouterr().err
        assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before

    def test_mistakes_are_told_in_one_message(self, tmp_path, capsys):
        assert main(["train", "--loss.name", "tree_max", "--out", str(tmp_path / "a")]) == 2
        assert capsys.readouterr().err.startswith("hierseg train: `loss.name` expects one of")
        assert not (tmp_path / "a").exists()

    def test_every_option_reaches_the_run(self, tmp_path, monkeypatch):
        asked = []
        monkeypatch.setattr("hierseg_keras.cli.train.train", lambda config, out, **_: asked.append((config, out)))
        options = (
            "--replicas 2 --precision mixed_bfloat16 --schedule.accumulation_steps 4 --schedule.ema_momentum 0.99 "
        )
        options += "--tensorboard --schedule.early_stopping_patience=3 --jit_compile false --network.name UNet "
        options += "--network.num_stages=2 --data.crop_size 8,9 --data.scale_range false "
        (tmp_path / "clusters.txt").write_text("a\n\tb", "utf-8")
        options += f"--method.name HS3 --method.stages first,second --method.clusters {tmp_path / 'clusters.txt'},2 "
        options += "--method.fuse --optimizer.name CoupledSGD --optimizer.momentum 0.9"
        assert main(["train", *options.split(), "--out", "run"]) == 0
        config = RunConfig(
            replicas=2,
            precision="mixed_bfloat16",
            tensorboard=True,
            jit_compile=False,
            schedule={"accumulation_steps": 4, "ema_momentum": 0.99, "early_stopping_patience": 3},
            network={"name": "UNet", "num_stages": 2},
            data={"crop_size": (8, 9), "scale_range": None},
            method={
                "name": "HS3",
                "stages": ("first", "second"),
                "clusters": ("a\n\tb", 2),
                "fuse": True,
            },
            optimizer={"name": "CoupledSGD", "momentum": 0.9},
        )
        assert asked == [(config, "run")]

    def test_options_left_out_are_the_defaults(self, monkeypatch):
        asked = []
        monkeypatch.setattr("hierseg_keras.cli.train.train", lambda config, out, **_: asked.append(config))
        assert main(["train", "--out", "run"]) == 0
        assert asked == [RunConfig()]

    @pytest.mark.parametrize(
        "option",
        [
            "--replicas=two",
            "--jit_compile=maybe",
            "--data.crop_size=90",
            "--method.theta=steep",
            "--method.clusters=lost",
        ],
    )
    def test_what_cannot_be_read_is_told(self, option, capsys):
        method = ["--method.name", "HS3", "--method.stages", "['a']"] if "method" in option else []
        assert main(["train", *method, option, "--out", "run"]) == 2
        printed, name = capsys.readouterr().err, option.split("=")[0].removeprefix("--")
        assert printed.startswith(f"hierseg train: `{name}` expects ") and printed.count("\n") == 1

    def test_runs_without_a_size_of_crops(self, data_dir, tmp_path, run_eagerly):
        """B10: what is left out is settled by the data, and the file says how."""
        small = "--network.name UNet --network.filters 2 --network.num_stages 1 --schedule.epochs 1"
        small += (
            f" --data.train_split train[:8] --evaluation.split validation[:2] --replicas 1 --data.data_dir {data_dir}"
        )
        assert main(["train", *small.split(), "--out", str(tmp_path / "run")]) == 0
        config, model = load_run(tmp_path / "run")
        height, width = config.data.crop_size
        assert model(np.zeros((1, height, width, 3))).shape[1:3] == (height, width)

    def test_loss_that_is_not_finite_ends_the_run(self, data_dir, tmp_path, run_eagerly, capsys):
        options = [*TINY, *SPLITS, "--optimizer.name", "CoupledSGD", "--optimizer.learning_rate", "1e30"]
        arguments = ["train", *options, "--data.data_dir", str(data_dir)]
        assert main([*arguments, "--out", str(tmp_path / "a")]) == 1
        printed = capsys.readouterr().err
        assert "in epoch 1. No weights were saved. Lower the learning rate" in printed
        assert not (tmp_path / "a" / "model.weights.h5").exists()


class EvaluateTest:
    def test_repeats_the_last_epoch_and_warns_of_other_data(self, run, tmp_path, capsys):
        other = shutil.copytree(run, tmp_path / "other")
        content = json.loads((run / "run.json").read_text())
        (other / "run.json").write_text(json.dumps({**content, "data": {"street_blocks/1.0.0": "2:another"}}))
        with pytest.warns(UserWarning, match="street_blocks/1.0.0 has changed since"):
            assert main(["evaluate", str(other), "--replicas", "1"]) == 0
        printed = dict(line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("miou"))
        with (run / "log.csv").open() as file:
            last = list(csv.DictReader(file))[-1]
        assert float(printed["miou_1"]) == pytest.approx(float(last["val_miou_1"]), abs=1e-4)

    def test_published_results_stand_beside_those_of_their_protocol(self, run, capsys):
        assert main(["evaluate", str(run), "--published", "--replicas", "1"]) == 0
        printed = capsys.readouterr().out.splitlines()
        assert [line for line in printed if ";" in line] == [
            "a row; one scale",
            "averaged; scales 0.5, 1 with horizontal flips",
        ]
        (name, own, published), (other, *missing) = (line.split() for line in printed[2:4])
        assert (name, published, other, missing) == ("miou_1", "50.00", "iiou", ["-", "40.50"])
        for options, here in (([], own), (["--scales", "0.5,1", "--flip"], printed[-1].split()[1])):
            assert main(["evaluate", str(run), "--replicas", "1", *options]) == 0
            values = dict(line.split() for line in capsys.readouterr().out.splitlines())
            assert float(here) == pytest.approx(100 * float(values["miou_1"]), abs=0.01)

    def test_another_data_set_is_mapped_to_the_tree(self, run, data_dir, tmp_path, capsys):
        builder = prepare("camvid_tree", FOLDER / "camvid_tree" / "dummy_data", str(data_dir))
        other = ["evaluate", str(run), "--replicas", "1", "--dataset", "camvid_tree", "--split", "test"]
        assert main(other) == 1
        assert "--dataset expects a data set with the classes of the run's tree" in capsys.readouterr().err
        tree, ignored = ClassTree.load("street_blocks"), len(class_names(builder.info)) - 1
        nodes = {id_: tree.paths[0 if id_ % 2 else tree.num_leaves] for id_ in range(ignored)} | {ignored: "ignore"}
        ClassMap.from_dict(nodes).to_file(tmp_path / "map.csv")
        assert main([*other, "--class-map", str(tmp_path / "map.csv"), "--report", str(tmp_path / "report")]) == 0
        with (tmp_path / "report" / "report.csv").open() as file:
            support = {row["class"]: int(row["support"]) for row in csv.DictReader(file) if row["level"] == "1"}
        counts = label_counts(
            tree, load("camvid_tree", "test", class_maps={"camvid_tree": nodes}, tree=tree, data_dir=data_dir)
        )
        assert support[tree.paths[0]] == counts[0] > 0 and sum(support.values()) == counts[0]

    @pytest.mark.parametrize("option", ["--scales=1", "--flip", "--split=test", "--report=a", "--attention-scales=1"])
    def test_published_protocols_are_not_changed(self, option, capsys):
        with pytest.raises(SystemExit, match="2"):
            main(["evaluate", "run", "--published", option])
        assert f"Received: {option.partition('=')[0]}. (see" in capsys.readouterr().err

    def test_folder_that_is_no_run(self, tmp_path, capsys):
        assert main(["evaluate", str(tmp_path)]) == 1
        assert "config.toml" in capsys.readouterr().err


class PredictTest:
    def test_any_size_and_mode(self, run, tmp_path):
        Image.new("L", (33, 21), 90).save(tmp_path / "gray.png")
        Image.new("RGBA", (20, 30), (10, 200, 30, 255)).save(tmp_path / "opaque.png")
        out = tmp_path / "out"
        images = [str(tmp_path / "gray.png"), str(tmp_path / "opaque.png")]
        assert main(["predict", str(run), *images, "--out", str(out)]) == 0
        tree = ClassTree.load("street_blocks")
        for name, size in (("gray", (33, 21)), ("opaque", (20, 30))):
            assert (out / f"{name}.png").is_file()
            for level in (1, 2, 3):
                labels = np.asarray(Image.open(out / f"{name}_level_{level}.png"))
                assert labels.shape == size[::-1]
                assert set(np.unique(labels)) <= set(tree.level_classes(level))


def negative_log_likelihood(run, split, temperature):
    """The mean, over labeled pixels, of the binary crossentropies of the nodes that a label determines, in float64."""
    config, model = load_run(run)
    tree, total, num_pixels = model.tree, 0.0, 0
    examples, _ = load_evaluation(config, DataSets(config.data, tree), split, current_strategy())
    for image, label in examples.as_numpy_iterator():
        labeled = label != 255
        nodes = label[labeled]
        logits = np.asarray(model(image, training=False), "float64")[labeled] / temperature
        is_above = tree.ancestor_matrix.T[nodes]
        is_below = tree.ancestor_matrix[nodes] & (np.arange(tree.num_nodes) != nodes[:, None])
        losses = np.where(is_above, np.logaddexp(0, -logits), np.logaddexp(0, logits))
        total, num_pixels = total + losses[~is_below].sum(), num_pixels + labeled.sum()
    return total / num_pixels, num_pixels


class CalibrateTest:
    @pytest.fixture(scope="class")
    def calibrated(self, run, tmp_path_factory):
        folder = tmp_path_factory.mktemp("calibrated") / "run"
        shutil.copytree(run, folder)
        assert main(["calibrate", str(folder)]) == 0
        return folder

    def test_temperature_stands_behind_what_is_loaded_exported_and_evaluated(self, calibrated, run, tmp_path, capsys):
        stored = json.loads((calibrated / "calibration.json").read_text())
        temperature, nll = stored["temperature"], stored["negative_log_likelihood"]
        assert nll["after"] <= nll["before"] and stored["split"] == "validation[:4]"
        for when, value in (("before", 1.0), ("after", temperature)):
            expected, num_pixels = negative_log_likelihood(calibrated, stored["split"], value)
            assert nll[when] == pytest.approx(expected, rel=1e-4) and stored["num_pixels"] == num_pixels
        image = np.random.default_rng(0).integers(0, 256, (1, 25, 30, 3), np.uint8)
        logits, divided = (np.asarray(load_run(calibrated, calibrated=is_so)[1](image)) for is_so in (False, True))
        np.testing.assert_allclose(divided, logits / temperature, rtol=1e-4, atol=1e-5)

        assert main(["export", str(calibrated), "--calibrated", "--out", str(tmp_path / "1")]) == 0
        signature = tf.saved_model.load(str(tmp_path / "1")).signatures["probabilities"]
        exported = signature(image=tf.constant(image))["node_probabilities"]
        np.testing.assert_allclose(exported, tf.sigmoid(divided), atol=1e-5)

        capsys.readouterr()
        with running_eagerly():
            for options in ([], ["--calibrated"]):
                assert main(["evaluate", str(calibrated), "--replicas", "1", *options]) == 0
        lines = capsys.readouterr().out.splitlines()
        losses = [float(line.split()[1]) for line in lines if line.startswith("loss")]
        assert len(losses) == 2 and losses[0] != losses[1]

    def test_run_without_temperature_says_what_to_run(self, run, tmp_path, capsys):
        for command in ("evaluate", "export"):
            out = [] if command == "evaluate" else ["--out", str(tmp_path / "1")]
            assert main([command, str(run), "--calibrated", *out]) == 1
            assert "Run `hierseg calibrate" in capsys.readouterr().err


class ExportTest:
    def test_answers_as_the_run_does(self, run, tmp_path, capsys):
        path = tmp_path / "model" / "1"
        assert main(["export", str(run), "--palette", "voc", "--out", str(path)]) == 0
        image = np.random.default_rng(0).integers(0, 256, (1, 25, 30, 3), np.uint8)
        serve = tf.saved_model.load(str(path)).signatures["probabilities"]
        answers = serve(image=tf.constant(image))
        np.testing.assert_allclose(answers["node_probabilities"], tf.sigmoid(load_run(run)[1](image)), atol=1e-5)
        classes = json.loads((path / "assets" / "classes.json").read_text())
        colors = node_colors(ClassTree.load("street_blocks"), "voc")
        assert [entry["color"] for entry in classes] == colors.tolist()
        assert main(["export", str(run), "--out", str(path)]) == 1
        assert "exists" in capsys.readouterr().err

    def test_warning_of_an_export_is_printed_though_lines_of_converters_are_hidden(self, run, tmp_path, monkeypatch):
        config, model = load_run(run)
        image = keras.Input((24, 32, 3))
        fixed = keras.Model(image, model(image))
        fixed.tree, fixed.scores, fixed.from_logits = model.tree, model.scores, model.from_logits
        monkeypatch.setattr("hierseg_keras.cli.export.load_run", lambda folder: (config, fixed))
        with pytest.warns(UserWarning, match="accepts only images of 24 x 32 pixels") as caught:
            assert main(["export", str(run), "--out", str(tmp_path / "1")]) == 0
        assert len(caught) == 1

    def test_writes_other_formats_of_one_size(self, run, tmp_path, capfd):
        path = tmp_path / "model.tflite"
        capfd.readouterr()
        assert main(["export", str(run), "--format", "litert", "--size", "24x32", "--out", str(path)]) == 0
        # LiteRT logs its delegates, not through Python.
        assert capfd.readouterr() == (f"{path}\n", "") and path.is_file()
        for options in (["--size", "24x32"], ["--probabilities"], ["--format", "litert", "--probabilities"]):
            with pytest.raises(SystemExit):
                main(["export", str(run), "--out", str(tmp_path / "a"), *options])
            assert "requires --format" in capfd.readouterr().err
