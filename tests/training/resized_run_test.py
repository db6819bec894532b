"""A run that resizes images predicts, exports and serves new ones as it was trained."""

import pathlib

import numpy as np
import pytest
from PIL import Image

tf = pytest.importorskip("tensorflow")
from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.models import Calibrated, MultiScale, Resized, SlidingWindow  # noqa: E402
from hierseg_keras.training import build, evaluate_run, for_inference, load_run, saved_run, train  # noqa: E402
from hierseg_keras.training.data_sets import DataSets  # noqa: E402
from tests.running_eagerly import running_eagerly  # noqa: E402
from tests.training.tiny_run import tiny_config  # noqa: E402

HEIGHT, WIDTH = 24, 32


@pytest.fixture(scope="module")
def run(data_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    config = tiny_config(
        data_dir,
        data={"size": (HEIGHT, WIDTH)},
        loss={"name": "HierarchicalCrossentropy"},
        optimizer={"learning_rate": 0.03},
        schedule={"epochs": 2},
    )
    with running_eagerly():
        train(config, folder, verbose=0)
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photographs of the size of training, and of three times this size."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for factor in (1, 3):
        blocks = rng.integers(0, 256, (HEIGHT * factor // 4, WIDTH * factor // 4, 3)).repeat(4, 0).repeat(4, 1)
        noisy = np.clip(blocks + rng.normal(0, 30, blocks.shape), 0, 255).astype("uint8")
        Image.fromarray(noisy).save(folder / f"{factor}.png")
    return folder


def pixels_of(path):
    return np.asarray(Image.open(path).convert("RGB"), "float32")


def enlarged(x, factor):
    """Bilinearly: pixel centers at halves, edges repeated."""
    for axis in (0, 1):
        places = np.clip((np.arange(x.shape[axis] * factor) + 0.5) / factor - 0.5, 0, x.shape[axis] - 1)
        low = np.minimum(places.astype(int), x.shape[axis] - 2)
        share = (places - low).reshape([-1 if i == axis else 1 for i in range(3)])
        x = np.take(x, low, axis) * (1 - share) + np.take(x, low + 1, axis) * share
    return x


def expected_leaves(run, path):
    """Leaf by leaf logits: the mean of each square of pixels, the network, and the arg-max of enlarged scores."""
    image, (_, model) = pixels_of(path), load_run(run)
    assert model.scores == "leaves"
    factor = len(image) // HEIGHT
    small = image.reshape(HEIGHT, factor, WIDTH, factor, 3).mean(axis=(1, 3))
    return enlarged(np.asarray(model(small[None], training=False))[0], factor).argmax(axis=-1)


def predicted(run, photos, out, *options):
    assert main(["predict", str(run), str(photos), "--out", str(out), "--levels", "1", "--no-pictures", *options]) == 0
    return {path.name[0]: np.asarray(Image.open(path)) for path in sorted(pathlib.Path(out).glob("*_level_1.png"))}


class ResizedRunTest:
    def test_class_maps_are_those_of_the_size_of_training_at_the_size_of_the_file(self, run, photos, tmp_path):
        maps = predicted(run, photos, tmp_path / "out")
        assert set(maps) == {"1", "3"}
        for name, found in maps.items():
            expected = expected_leaves(run, photos / f"{name}.png")
            assert found.shape == (HEIGHT * int(name), WIDTH * int(name)) and len(np.unique(expected)) > 1
            np.testing.assert_array_equal(found, expected)

    def test_own_size_predicts_the_pixels_of_the_file(self, run, photos, tmp_path):
        maps, (_, model) = predicted(run, photos, tmp_path / "out", "--own-size"), load_run(run)
        for name, found in maps.items():
            logits = np.asarray(model(pixels_of(photos / f"{name}.png")[None], training=False))[0]
            np.testing.assert_array_equal(found, logits.argmax(axis=-1))
        assert (maps["3"] != expected_leaves(run, photos / "3.png")).mean() > 0.01

    def test_results_at_another_size_are_not_kept(self, run, photos, tmp_path, capsys):
        predicted(run, photos, tmp_path / "out")
        options = [str(run), str(photos), "--out", str(tmp_path / "out"), "--levels", "1", "--no-pictures"]
        assert main(["predict", *options, "--skip-existing"]) == 0
        assert "Predicted 0 images" in capsys.readouterr().out
        assert main(["predict", *options, "--skip-existing", "--own-size"]) != 0
        assert "differ in network" in capsys.readouterr().err

    @pytest.mark.parametrize("options", [[], pytest.param(["--own-size"], marks=pytest.mark.large)])
    def test_saved_model_answers_as_predict(self, options, run, photos, tmp_path):
        maps = predicted(run, photos, tmp_path / "out", *options)
        assert main(["export", str(run), "--out", str(tmp_path / "1"), *options]) == 0
        signatures = tf.saved_model.load(str(tmp_path / "1")).signatures
        encoded = [(photos / f"{name}.png").read_bytes() for name in maps]
        answers = signatures["encoded"](encoded=tf.constant(encoded))["level_1"].numpy()
        for name, of_file in zip(maps, answers):
            found = maps[name]
            np.testing.assert_array_equal(of_file[: found.shape[0], : found.shape[1]], found)
            image = tf.constant(pixels_of(photos / f"{name}.png").astype("uint8"))[None]
            np.testing.assert_array_equal(signatures["serving_default"](image=image)["level_1"][0], found)

    def test_thin_image_that_would_become_too_large_is_named(self, run, photos, tmp_path, monkeypatch, capsys):
        config, model = load_run(run)
        config = config.replace(data={"size": 512})
        monkeypatch.setattr("hierseg_keras.cli.predict.load_run", lambda folder: (config, model))
        Image.fromarray(np.zeros((1, 400_000, 3), np.uint8)).save(tmp_path / "thin.png")
        assert main(["predict", str(run), str(tmp_path / "thin.png"), "--out", str(tmp_path / "out")]) == 1
        message = "thin.png: expected an image that has at most 89 megapixels when it is resized"
        assert message in capsys.readouterr().err

    def test_evaluation_is_that_of_the_network_on_the_resized_images(self, run, monkeypatch, run_eagerly):
        def fail(*_):
            raise AssertionError("The images of the data set are resized already.")

        config, model = load_run(run)
        examples, steps = build.load_evaluation(
            config, DataSets(config.data, model.tree), config.evaluation.split, saved_run.current_strategy()
        )
        expected = model.evaluate(examples, steps=steps, return_dict=True, verbose=0)
        monkeypatch.setattr(saved_run, "Resized", fail)
        found = evaluate_run(run, verbose=0)
        assert set(found) == set(expected)
        for name, value in found.items():
            assert value == pytest.approx(expected[name], rel=1e-5, abs=1e-6), name


class ForInferenceTest:
    def test_images_are_resized_around_everything_else(self, run):
        config, model = load_run(run)
        wrapped = for_inference(config, model, scales=(0.5, 2.0), window=(8, 9), overlap=0.25, temperature=2.0)
        parts = []
        while wrapped is not model:
            parts.append(wrapped)
            wrapped = wrapped.model
        resized, scaled, windowed, calibrated = parts
        assert [type(part) for part in parts] == [Resized, MultiScale, SlidingWindow, Calibrated]
        assert resized.size == (HEIGHT, WIDTH) and (tuple(scaled.scales), scaled.flip) == ((0.5, 2.0), False)
        assert (windowed.window, windowed.overlap, calibrated.temperature) == ((8, 9), 0.25, 2.0)
        assert for_inference(config, model).size == (HEIGHT, WIDTH)

    def test_size_is_that_of_the_shorter_side_or_none(self, run):
        config, model = load_run(run)
        assert for_inference(config.replace(data={"size": 512}), model).size == 512
        assert for_inference(config.replace(data={"size": False}), model) is model
        assert for_inference(config, model, own_size=True) is model
