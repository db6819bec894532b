import json
import subprocess
import sys
import types

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402

from hierseg_keras import decoding, export  # noqa: E402
from hierseg_keras.models import UNet  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from hierseg_keras.visualization import node_colors  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")


@pytest.fixture(scope="module")
def model():
    return UNet(TREE, filters=2, num_stages=2)


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    return export.saved_model(model, tmp_path_factory.mktemp("models") / "street" / "1")


def images(*size):
    return np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)


class SavedModelTest:
    @pytest.mark.parametrize("size", [(2, 9, 7), (1, 1, 1), (1, 32, 17)])
    def test_every_output_at_any_size(self, model, exported, size):
        signatures = tf.saved_model.load(str(exported)).signatures
        maps = signatures["serving_default"](image=tf.constant(images(*size)))
        answers = signatures["probabilities"](image=tf.constant(images(*size)))
        logits = model(images(*size))
        leaf, score = decoding.best_path(TREE, logits)
        assert set(maps) == {"level_1", "level_2"}
        assert set(answers) == {*maps, "node_probabilities", "path_score"}
        for level, labels in enumerate(decoding.level_labels(TREE, leaf), start=1):
            for output in (maps, answers):
                assert output[f"level_{level}"].dtype == tf.uint8
                np.testing.assert_array_equal(output[f"level_{level}"], labels)
        np.testing.assert_allclose(answers["node_probabilities"], tf.sigmoid(logits), atol=1e-6)
        np.testing.assert_allclose(answers["path_score"], score, atol=1e-6)

    def test_images_with_depth(self, tmp_path):
        image = keras.Input((None, None, 4))
        model = keras.Model(image, keras.layers.Conv2D(TREE.num_nodes, 1)(image))
        path = export.saved_model(model, tmp_path / "depth", tree=TREE)
        signatures = tf.saved_model.load(str(path)).signatures
        # Encoded files hold no depth.
        assert set(signatures) == {"serving_default", "probabilities", "confident"}
        with_depth = np.random.default_rng(0).integers(0, 256, (1, 5, 4, 4), np.uint8)
        answers = signatures["serving_default"](image=tf.constant(with_depth))
        leaf, _ = decoding.best_path(TREE, model(with_depth.astype("float32")))
        np.testing.assert_array_equal(answers["level_1"], leaf)

    def test_assets(self, exported):
        assert ClassTree.from_file(exported / "assets" / "tree.txt") == TREE
        classes = json.loads((exported / "assets" / "classes.json").read_text())
        assert [entry["path"] for entry in classes] == list(TREE.paths)
        assert classes[0]["parent"] == 3 and len(classes[0]["color"]) == 3

    def test_agrees_in_a_process_without_keras(self, model, exported, tmp_path, capfd):
        batches = [images(1, 5, 4), images(2, 3, 6)]
        assert export.check_in_fresh_process(exported, model, batches, tmp_path / "expected.npz")
        printed = capfd.readouterr().out
        signatures = tf.saved_model.load(str(exported)).signatures
        for name, signature in signatures.items():
            for output in signature.structured_outputs:
                assert any(line.split()[0] == name and output in line for line in printed.splitlines())

        script = export.fresh_process._SCRIPT
        expected = dict(np.load(tmp_path / "expected.npz"))
        expected["encoded_confident/0/output/label"] += 1
        expected["signatures"] = np.setdiff1d(expected["signatures"], ["probabilities"])
        np.savez(tmp_path / "wrong.npz", **expected)
        command = [sys.executable, "-I", str(script), str(exported), str(tmp_path / "wrong.npz")]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        assert ended.returncode == 1
        assert "encoded_confident: label differs" in ended.stdout and "probabilities is a signature" in ended.stdout

    def test_meaning_of_the_channels_is_the_given_one(self, tmp_path, monkeypatch):
        image = keras.Input((None, None, 3))
        scores = keras.layers.Conv2D(3, 1, activation="relu")(keras.layers.Rescaling(1 / 64)(image))
        model, given = keras.Model(image, scores), images(1, 5, 4)
        meaning = {"tree": ClassTree(["person", "rider", "sky"]), "scores": "leaves", "from_logits": True}
        path, written = export.saved_model(model, tmp_path / "1", **meaning), tmp_path / "expected.npz"
        process = types.SimpleNamespace(run=lambda *args, **options: types.SimpleNamespace(returncode=0), PIPE=None)
        monkeypatch.setattr(export.fresh_process, "subprocess", process)
        assert export.check_in_fresh_process(path, model, [given], written, **meaning, signatures=["probabilities"])
        answers = tf.saved_model.load(str(path)).signatures["probabilities"](image=tf.constant(given))
        expected = tf.nn.softmax(model(given))
        for found in (answers["node_probabilities"], np.load(written)["probabilities/0/output/node_probabilities"]):
            np.testing.assert_allclose(found, expected, atol=1e-6)

    def test_network_with_nan_is_refused(self, tmp_path):
        model = small()
        model.set_weights([weight * np.nan for weight in model.get_weights()])
        with pytest.raises(FloatingPointError, match="^`saved_model` expects finite weights. Received: .*/kernel, 12 "):
            export.saved_model(model, tmp_path / "1", tree=TREE)
        assert not list(tmp_path.iterdir())

    def test_tensorflow_lite_converts_it_with_built_in_operations(self, exported):
        converter = tf.lite.TFLiteConverter.from_saved_model(str(exported), signature_keys=["serving_default"])
        assert set(converter.target_spec.supported_ops) == {tf.lite.OpsSet.TFLITE_BUILTINS}
        image = images(1, 8, 12)
        answers = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner()(image=image)
        expected = tf.saved_model.load(str(exported)).signatures["serving_default"](image=tf.constant(image))
        assert set(answers) == set(expected)
        for name in answers:
            is_map = name.startswith("level")
            np.testing.assert_allclose(answers[name], expected[name], atol=0 if is_map else 1e-5, rtol=0)

    def test_what_is_there_is_kept_until_its_successor_is_complete(self, tmp_path, monkeypatch):
        path = export.saved_model(small(), tmp_path / "model", tree=TREE, palette="voc")
        classes = json.loads((path / "assets" / "classes.json").read_text())
        assert [entry["color"] for entry in classes] == node_colors(TREE, "voc").tolist()
        before = content_of(path)
        with pytest.raises(FileExistsError, match="overwrite"):
            export.saved_model(small(), path, tree=TREE)
        of_tensorflow = tf.errors.ResourceExhaustedError(None, None, "file; disk full [Op:SaveV2]")
        for error in (OSError("disk full"), of_tensorflow):
            with monkeypatch.context() as patched:
                patched.setattr(type(keras.export.ExportArchive()), "write_out", fail_with(error))
                for target in (path, tmp_path / "other" / "1"):
                    with pytest.raises(OSError, match=r"Received: .*: disk full\. Existing files"):
                        export.saved_model(small(), target, tree=TREE, overwrite=True)
            assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
            assert content_of(path) == before
        # What an export that was killed has left.
        (tmp_path / ".model.1234.unfinished" / "new").mkdir(parents=True)
        export.saved_model(small(), path, tree=TREE, overwrite=True)
        assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
        assert content_of(path) != before and tf.saved_model.load(str(path)).signatures

    @pytest.mark.parametrize("name", ["mine", "assets", "saved_model.pb/mine"])
    def test_folder_of_anything_else_is_never_replaced(self, name, tmp_path):
        path = tmp_path / "home"
        (path / name).mkdir(parents=True)
        if "saved_model.pb" in name:
            (path / "mine").write_text("kept")
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(FileExistsError, match="to hold only a SavedModel. Received: .*'(mine|assets)'"):
            export.saved_model(small(), path, tree=TREE, overwrite=True)
        assert sorted(tmp_path.rglob("*")) == before

    def test_path_that_is_a_file_or_below_one_is_an_error(self, tmp_path):
        (tmp_path / "file").write_text("mine")
        for path in (tmp_path / "file", tmp_path / "file" / "1"):
            with pytest.raises(OSError, match="file"):
                export.saved_model(small(), path, tree=TREE, overwrite=True)
        assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
        assert (tmp_path / "file").read_text() == "mine"

    def test_invalid_arguments_raise(self, model, tmp_path):
        with pytest.raises(ValueError, match="(one channel per node|expects a softmax over the)"):
            export.saved_model(model, tmp_path / "a", tree=ClassTree.load("helen"))
        headless = keras.Sequential([keras.layers.Input((4, 4, 3)), keras.layers.Conv2D(4, 1)])
        with pytest.raises(ValueError, match="expects a `tree`"):
            export.saved_model(headless, tmp_path / "a")
        assert not list(tmp_path.iterdir())


def small():
    return keras.Sequential([keras.layers.Input((None, None, 3)), keras.layers.Conv2D(4, 1)])


def content_of(path):
    return {entry.relative_to(path): entry.read_bytes() for entry in path.rglob("*") if entry.is_file()}


def fail_with(error):
    def write_out(*args, **kwargs):
        raise error

    return write_out
