"""A file that answers differently is refused by what differs, and replaces nothing."""

import re
import sys

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402

from hierseg_keras import export  # noqa: E402
from hierseg_keras.export.answers import Answers  # noqa: E402
from hierseg_keras.export.runtime_check import THRESHOLD, check_file  # noqa: E402
from hierseg_keras.models import UNet  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")


@pytest.fixture(scope="module", params=["nodes", "leaves"])
def answers(request):
    # Weights of others may make two classes equally probable in so many pixels that no difference would be a mistake.
    keras.utils.set_random_seed(0)
    return Answers(UNet(TREE, scores=request.param, filters=2, num_stages=1), "litert")


def outputs_of(answers, image):
    outputs = {**answers.probabilities(image), **answers.confident(image, THRESHOLD)}
    return {name: value.numpy() for name, value in outputs.items()}


def of_multiples(factor):
    """A network with a skip connection, which takes only images of multiples of a number."""
    image = keras.Input((None, None, 3))
    scaled = keras.layers.Rescaling(1 / 64)(image)
    coarse = keras.layers.UpSampling2D(factor)(keras.layers.AveragePooling2D(factor)(scaled))
    return keras.Model(image, keras.layers.Conv2D(TREE.num_nodes, 1)(keras.layers.Add()([scaled, coarse])))


class CheckFileTest:
    def test_the_network_itself_passes_with_small_noise(self, answers):
        def run(image):
            outputs = outputs_of(answers, image)
            return {name: value + (5e-5 if value.dtype.kind == "f" else 0) for name, value in outputs.items()}

        check_file("litert", "LiteRT", answers, lambda image: {k: v.astype(v.dtype) for k, v in run(image).items()})

    @pytest.mark.parametrize("name", ["level_1", "level_2", "node_probabilities", "path_score", "label"])
    def test_output_that_differs_in_one_pixel_is_named(self, name, answers):
        def run(image):
            outputs = outputs_of(answers, image)
            wrong = outputs[name].copy()
            # Half of the pixels, since those where two paths tie may differ.
            wrong[:, : wrong.shape[1] // 2] += np.asarray(1, wrong.dtype)
            return {**outputs, name: wrong}

        with pytest.raises(
            RuntimeError, match=f"`litert` expects the converted file .* Received: .*{name}.* No file was written"
        ):
            check_file("litert", "LiteRT", answers, run)

    def test_nan_missing_and_wrong_dtype_are_refused(self, answers):
        def with_nan(image):
            outputs = outputs_of(answers, image)
            return {**outputs, "path_score": np.full_like(outputs["path_score"], np.nan)}

        def without(image):
            return {name: value for name, value in outputs_of(answers, image).items() if name != "level_1"}

        def as_integers(image):
            outputs = outputs_of(answers, image)
            return {**outputs, "level_1": outputs["level_1"].astype("int32")}

        for run, said in ((with_nan, "differs by nan"), (without, "the outputs"), (as_integers, "as int32")):
            with pytest.raises(RuntimeError, match=said):
                check_file("litert", "LiteRT", answers, run)

    def test_either_of_two_equal_leaves_is_right_with_its_own_path_score(self):
        image = keras.Input((None, None, 3))
        # 0.25 for rider, and 0.375 for each of person and sky.
        bias = keras.initializers.Constant(np.log([0.375, 0.25, 0.375]))
        model = keras.Model(image, keras.layers.Conv2D(3, 1, kernel_initializer="zeros", bias_initializer=bias)(image))
        answers = Answers(model, "litert", TREE)

        def run(image):
            outputs = outputs_of(answers, image)
            # person: human 0.625 + person 0.375. sky: 2 * 0.375.
            np.testing.assert_allclose(outputs["path_score"], 1)
            sky = {"level_1": 2, "level_2": 2, "path_score": 0.75}
            return outputs | {name: np.full_like(outputs[name], value) for name, value in sky.items()}

        check_file("litert", "LiteRT", answers, run)

    def test_error_of_the_runtime_is_one_line(self, answers):
        def fail(image):
            raise RuntimeError("[ONNXRuntimeError] : 1 : FAIL\nReshape")

        with pytest.raises(RuntimeError) as caught:
            check_file("onnx", "ONNX Runtime", answers, fail)
        assert str(caught.value) == (
            "`onnx` expects ONNX Runtime to run the converted file for images of 64 x 96 pixels. Received: an error of "
            "ONNX Runtime, [ONNXRuntimeError] : 1 : FAIL. No file was written or replaced. Export a SavedModel."
        )

    @pytest.mark.parametrize("factor, size, checked", [(32, None, [(64, 96)]), (40, (40, 80), [(40, 80), (40, 80)])])
    def test_network_of_few_sizes_is_checked_at_those_alone(self, factor, size, checked):
        def run(image):
            sizes.append(image.shape[1:3])
            return outputs_of(answers, image)

        answers, sizes = Answers(of_multiples(factor), "litert", TREE, size=size), []
        check_file("litert", "LiteRT", answers, run)
        assert sizes == checked

    def test_network_that_refuses_every_size_is_refused(self):
        answers = Answers(of_multiples(40), "litert", TREE)
        with pytest.raises(ValueError) as caught:
            check_file("litert", "LiteRT", answers, lambda image: outputs_of(answers, image))
        said = "`litert` expects a network that accepts images of 64 x 96 .* refuses them: .*shapes.*[.] Pass `size`."
        assert re.fullmatch(said, str(caught.value))

    def test_failed_check_keeps_the_file_that_is_there(self, tmp_path, monkeypatch):
        path = tmp_path / "street.tflite"
        path.write_text("mine")

        def fail(*args):
            raise RuntimeError("differs")

        # The function has the name of its module.
        module = sys.modules["hierseg_keras.export.litert"]
        monkeypatch.setattr(module, "_converted", lambda *args: b"converted")
        monkeypatch.setattr(module, "_load", lambda path: None)
        monkeypatch.setattr(module, "check_file", fail)
        with pytest.raises(RuntimeError, match="differs"):
            export.litert(UNet(TREE, filters=2, num_stages=1), path, overwrite=True)
        assert [entry.name for entry in tmp_path.iterdir()] == ["street.tflite"] and path.read_text() == "mine"
