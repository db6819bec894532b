import json
import re
import types
import zipfile

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402

from hierseg_keras import export  # noqa: E402
from hierseg_keras.export.answers import Answers  # noqa: E402
from hierseg_keras.models import Resized, UNet  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from hierseg_keras.visualization import node_colors  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
FLAT = ClassTree.from_text("person\nrider\nsky")
LARGE = ClassTree.from_text(
    "\n".join(f"family_{i}\n" + "\n".join(f"\tleaf_{i}_{j}" for j in range(29)) for i in range(10))
)


def network(num_channels):
    image = keras.Input((None, None, 3))
    scores = keras.layers.Conv2D(num_channels, 3, padding="same")(keras.layers.Rescaling(1 / 64)(image))
    return keras.Model(image, scores)


@pytest.fixture(scope="module")
def model():
    return UNet(TREE, filters=2, num_stages=1)


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    return export.litert(model, tmp_path_factory.mktemp("models") / "street.tflite")


class LiteRTTest:
    def test_signatures_answer_as_those_of_the_saved_model_for_any_size(self, model, path, tmp_path):
        saved = tf.saved_model.load(str(export.saved_model(model, tmp_path / "1"))).signatures
        interpreter = tf.lite.Interpreter(model_path=str(path))
        assert set(interpreter.get_signature_list()) == {"serving_default", "probabilities", "confident"}
        image = np.random.default_rng(0).integers(0, 256, (2, 19, 33, 3), np.uint8)
        for name in interpreter.get_signature_list():
            given = {"image": image, **({"threshold": np.float32(0.6)} if name == "confident" else {})}
            answers = interpreter.get_signature_runner(name)(**given)
            expected = saved[name](**{key: tf.constant(value) for key, value in given.items()})
            assert set(answers) == set(expected)
            for output, answer in answers.items():
                assert answer.dtype == expected[output].numpy().dtype
                np.testing.assert_allclose(answer, expected[output], atol=1e-5, rtol=0)

    def test_one_size_and_leaf_scores(self, tmp_path):
        path = export.litert(network(TREE.num_leaves), tmp_path / "a.tflite", tree=TREE, size=(9, 7))
        interpreter = tf.lite.Interpreter(model_path=str(path))
        for name in interpreter.get_signature_list():
            image = interpreter.get_signature_runner(name).get_input_details()["image"]
            assert image["shape_signature"].tolist() == [1, 9, 7, 3]

    @pytest.mark.parametrize(
        "tree, dtype, scores, size",
        [
            # Without internal nodes.
            (FLAT, "uint8", "leaves", None),
            (FLAT, "uint8", "nodes", (9, 7)),
            # Of 300 nodes.
            (LARGE, "uint16", "leaves", (9, 7)),
            (LARGE, "uint16", "nodes", None),
        ],
    )
    def test_any_tree_has_the_answers_of_the_network(self, tree, dtype, scores, size, tmp_path):
        model = network(tree.num_leaves if scores == "leaves" else tree.num_nodes)
        path = export.litert(model, tmp_path / "a.tflite", tree=tree, scores=scores, size=size)
        image = np.random.default_rng(0).integers(0, 256, (1, 9, 7, 3), np.uint8)
        expected = Answers(model, "litert", tree, scores)
        answers = tf.lite.Interpreter(model_path=str(path)).get_signature_runner("probabilities")(image=image)
        for name, value in expected.probabilities(image).items():
            np.testing.assert_allclose(answers[name], value, atol=1e-5, rtol=0)
        assert {answers[f"level_{level}"].dtype.name for level in range(1, tree.num_levels + 1)} == {dtype}
        confident = tf.lite.Interpreter(model_path=str(path)).get_signature_runner("confident")
        label = confident(image=image, threshold=np.float32(1))["label"]
        assert (label == np.iinfo(dtype).max).any()
        np.testing.assert_array_equal(label, expected.confident(image, 1.0)["label"])

    @pytest.mark.parametrize("resized, size", [((8, 12), None), (8, None), (8, (19, 33))])
    def test_resized_images_have_the_answers_of_the_network(self, resized, size, tmp_path):
        model = Resized(network(TREE.num_leaves), resized, TREE)
        interpreter = tf.lite.Interpreter(model_path=str(export.litert(model, tmp_path / "a.tflite", size=size)))
        image = np.random.default_rng(0).integers(0, 256, (1, 19, 33, 3), np.uint8)
        answers = interpreter.get_signature_runner("probabilities")(image=image)
        for name, value in Answers(model, "litert").probabilities(image).items():
            np.testing.assert_allclose(answers[name], value, atol=1e-5, rtol=0)

    def test_colors_are_chosen(self, tmp_path):
        path = export.litert(network(3), tmp_path / "a.tflite", tree=FLAT, scores="leaves", size=(2, 2), palette="voc")
        with zipfile.ZipFile(path) as archive:
            classes = json.loads(archive.read("classes.json"))
        assert [entry["color"] for entry in classes] == node_colors(FLAT, "voc").tolist()

    def test_file_holds_the_classes(self, path):
        with zipfile.ZipFile(path) as archive:
            assert ClassTree.from_text(archive.read("tree.txt").decode()) == TREE
            assert [entry["path"] for entry in json.loads(archive.read("classes.json"))] == list(TREE.paths)

    def test_operation_that_is_not_built_in_is_named(self, tmp_path):
        image = keras.Input((None, None, 3))

        @keras.saving.register_keras_serializable("tests")
        class Sum(keras.layers.Layer):
            def call(self, x):
                return tf.raw_ops.Bincount(arr=tf.cast(x[0, 0, 0], tf.int32), size=4, weights=x[0, 0, 0]) + x

            def compute_output_shape(self, shape):
                return shape

        model = keras.Model(image, keras.layers.Conv2D(4, 1)(Sum()(keras.layers.Conv2D(4, 1)(image))))
        for size, advice in ((None, "Pass `size`, with which .*, or export"), ((4, 4), "Export")):
            said = f"`litert` expects a network of LiteRT's built-in .* needs .*Bincount.*[.] {advice} a SavedModel"
            with pytest.raises(ValueError, match=said):
                export.litert(model, tmp_path / "a.tflite", tree=TREE, size=size)
        assert not list(tmp_path.iterdir())

    def test_errors_of_the_converter_and_of_litert_are_one_line(self, model, tmp_path, monkeypatch):
        def fail():
            raise ValueError("not this\nnor that")

        def error_of(convert):
            converter = types.SimpleNamespace(target_spec=types.SimpleNamespace(), convert=convert)
            monkeypatch.setattr(tf.lite.TFLiteConverter, "from_saved_model", lambda *args, **kwargs: converter)
            with pytest.raises(RuntimeError) as caught:
                export.litert(model, tmp_path / "a.tflite")
            return str(caught.value)

        said = "`litert` expects .* converter converts. Received: .* not this. No file .* Export a SavedModel."
        assert re.fullmatch(said, error_of(fail))
        said = "`litert` expects LiteRT to load .* Received: .* No file .* Export a SavedModel."
        assert re.fullmatch(said, error_of(lambda: b"no model"))
        assert not list(tmp_path.iterdir())

    def test_invalid_arguments_raise(self, model, tmp_path):
        with pytest.raises(ValueError, match="ends in .tflite"):
            export.litert(model, tmp_path / "a.onnx")
        (tmp_path / "a.tflite").mkdir()
        with pytest.raises(FileExistsError, match="a folder"):
            export.litert(model, tmp_path / "a.tflite", overwrite=True)
        (tmp_path / "b.tflite").write_text("mine")
        with pytest.raises(FileExistsError, match="overwrite=True"):
            export.litert(model, tmp_path / "b.tflite")
        fixed = keras.Sequential([keras.layers.Input((4, 4, 3)), keras.layers.Conv2D(4, 1)])
        with pytest.raises(ValueError, match=r"size=\(4, 5\), for a network of images of 4 x 4"):
            export.litert(fixed, tmp_path / "c.tflite", tree=TREE, size=(4, 5))
