import json
import sys

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402

from hierseg_keras import export  # noqa: E402
from hierseg_keras.export.answers import Answers  # noqa: E402
from hierseg_keras.models import HSSN, MultiScale, Resized, SlidingWindow, UNet  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from hierseg_keras.visualization import node_colors  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")


@pytest.fixture(scope="module")
def model():
    return UNet(TREE, filters=2, num_stages=1)


def session_of(path):
    onnxruntime = pytest.importorskip("onnxruntime")
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


class OnnxTest:
    @pytest.fixture(autouse=True)
    def packages(self):
        for name in ("tf2onnx", "onnx", "onnxruntime"):
            pytest.importorskip(name)

    def test_answers_with_level_maps_alone_for_any_size(self, model, tmp_path):
        session = session_of(export.onnx(model, tmp_path / "street.onnx"))
        assert [output.name for output in session.get_outputs()] == ["level_1", "level_2"]
        image = np.random.default_rng(0).integers(0, 256, (2, 19, 33, 3), np.uint8)
        expected = Answers(model, "onnx").levels(image)
        for name, value in zip(("level_1", "level_2"), session.run(None, {"image": image})):
            assert value.dtype == np.uint8
            np.testing.assert_array_equal(value, expected[name])
        metadata = session.get_modelmeta().custom_metadata_map
        assert ClassTree.from_text(metadata["tree.txt"]) == TREE
        assert [entry["path"] for entry in json.loads(metadata["classes.json"])] == list(TREE.paths)

    def test_probabilities_and_one_size_on_request(self, tmp_path):
        model = MultiScale(HSSN(UNet(TREE, scores="nodes", filters=2, num_stages=1)), scales=(0.5, 1.0))
        session = session_of(export.onnx(model, tmp_path / "a.onnx", size=(9, 7), probabilities=True))
        image = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3), np.uint8)
        names = [output.name for output in session.get_outputs()]
        expected = Answers(model, "onnx").probabilities(image)
        assert set(names) == set(expected)
        for name, value in zip(names, session.run(names, {"image": image})):
            np.testing.assert_allclose(value, expected[name], atol=1e-5)

    def test_meaning_of_the_channels_and_colors_are_the_given_ones(self, tmp_path):
        image = keras.Input((None, None, 3))
        scores = keras.layers.Conv2D(3, 1, activation="relu")(keras.layers.Rescaling(1 / 64)(image))
        model, tree = keras.Model(image, scores), ClassTree(["person", "rider", "sky"])
        options = {"tree": tree, "scores": "leaves", "from_logits": True, "palette": "voc", "probabilities": True}
        session = session_of(export.onnx(model, tmp_path / "a.onnx", **options))
        given = np.random.default_rng(0).integers(0, 256, (1, 5, 4, 3), np.uint8)
        (found,) = session.run(["node_probabilities"], {"image": given})
        np.testing.assert_allclose(found, tf.nn.softmax(model(given)), atol=1e-5)
        classes = json.loads(session.get_modelmeta().custom_metadata_map["classes.json"])
        assert [entry["color"] for entry in classes] == node_colors(tree, "voc").tolist()

    def test_file_is_replaced_only_on_request(self, model, tmp_path):
        with pytest.raises(ValueError, match="ends in .onnx"):
            export.onnx(model, tmp_path / "a.tflite")
        path = tmp_path / "a.onnx"
        path.write_text("mine")
        with pytest.raises(FileExistsError, match="overwrite=True"):
            export.onnx(model, path, size=(2, 2))
        assert path.read_text() == "mine"
        session_of(export.onnx(model, path, size=(2, 2), overwrite=True))

    @pytest.mark.parametrize("resized, size", [((8, 12), None), (8, None), (8, (19, 33))])
    def test_resized_images_have_the_answers_of_the_network(self, resized, size, tmp_path):
        model = Resized(UNet(TREE, scores="leaves", filters=2, num_stages=1), resized)
        session = session_of(export.onnx(model, tmp_path / "a.onnx", size=size, probabilities=True))
        image = np.random.default_rng(0).integers(0, 256, (2, 19, 33, 3), np.uint8)
        for name, value in Answers(model, "onnx").probabilities(image).items():
            np.testing.assert_allclose(session.run([name], {"image": image})[0], value, atol=1e-5)

    @pytest.mark.parametrize("size", [None, (9, 7)])
    def test_tree_without_internal_nodes_has_the_answers_of_the_network(self, size, tmp_path):
        model = UNet(ClassTree.from_text("person\nrider\nsky"), scores="leaves", filters=2, num_stages=1)
        session = session_of(export.onnx(model, tmp_path / "a.onnx", size=size, probabilities=True))
        image = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3), np.uint8)
        for name, value in Answers(model, "onnx").probabilities(image).items():
            np.testing.assert_allclose(session.run([name], {"image": image})[0], value, atol=1e-5)

    def test_errors_of_tf2onnx_and_of_onnx_runtime_are_one_line(self, model, tmp_path, monkeypatch, capfd):
        import onnx
        import tf2onnx

        # A model whose output does not exist.
        graph = onnx.helper.make_graph([], "g", [], [onnx.helper.make_tensor_value_info("level_1", 2, [1])])
        monkeypatch.setattr(
            tf2onnx.convert, "from_function", lambda *args, **kwargs: (onnx.helper.make_model(graph), None)
        )
        with pytest.raises(RuntimeError, match="`onnx` expects ONNX Runtime to load .* SavedModel.$") as caught:
            export.onnx(model, tmp_path / "a.onnx")
        assert "\n" not in str(caught.value) and not capfd.readouterr().err

        def fail(*args, **kwargs):
            raise ValueError("not this\nnor that")

        monkeypatch.setattr(tf2onnx.convert, "from_function", fail)
        with pytest.raises(RuntimeError, match="`onnx` expects a network that tf2onnx converts. .* not this. No file"):
            export.onnx(model, tmp_path / "a.onnx")
        assert not list(tmp_path.iterdir())

    def test_operation_that_onnx_lacks_is_named(self, model, tmp_path):
        with pytest.raises(ValueError, match="`onnx` expects a network of .* needs .*XlaDynamicUpdateSlice"):
            export.onnx(SlidingWindow(model, (8, 8)), tmp_path / "a.onnx")
        assert not list(tmp_path.iterdir())


class MissingPackageTest:
    def test_error_says_which_command_installs_it(self, model, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "tf2onnx", None)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "tf2onnx" else object())
        with pytest.raises(ModuleNotFoundError, match="no tf2onnx. Run `pip install tf2onnx onnx onnxruntime`"):
            export.onnx(model, tmp_path / "a.onnx")
