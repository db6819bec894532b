import keras
import numpy as np
import pytest
from keras import layers
from safetensors.numpy import save_file

from hierseg_keras.models.weights.named_tensors import load_tensors
from tests.models.weights.old_pytorch_file import Tensor, file_of, parts_of

RNG = np.random.default_rng(0)
ARRAYS = {
    "_conv.weight": RNG.normal(size=(3, 2, 5, 4)).astype("float32"),
    "_blocks.0._depthwise.weight": RNG.normal(size=(3, 1, 3, 3)).astype("float32"),
    **{f"_blocks.0._bn.{name}": RNG.uniform(size=3).astype("float32") for name in ("weight", "bias")},
    **{f"_blocks.0._bn.{name}": RNG.uniform(size=3).astype("float32") for name in ("running_mean", "running_var")},
    "_blocks.0._bn.num_batches_tracked": np.zeros((1,), "float32"),
    "_fc.weight": np.zeros((7, 3), "float32"),
}


def network():
    image = keras.Input((None, None, 2))
    x = layers.Conv2D(3, (5, 4), use_bias=False, name="conv")(image)
    x = layers.DepthwiseConv2D(3, use_bias=False, name="blocks.0.depthwise")(x)
    return keras.Model(image, layers.BatchNormalization(name="blocks.0.bn")(x), name="tiny")


def values(model):
    return [keras.ops.convert_to_numpy(weight) for weight in model.weights]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


class LoadTensorsTest:
    def test_values_and_axes_are_those_of_the_layers(self, path):
        path.write_bytes(file_of(ARRAYS))
        model = network()
        load_tensors(model, path, ignored=("fc",))
        found = dict(zip([weight.path for weight in model.weights], values(model)))
        np.testing.assert_array_equal(found["conv/kernel"], ARRAYS["_conv.weight"].transpose(2, 3, 1, 0))
        depthwise = ARRAYS["_blocks.0._depthwise.weight"].transpose(2, 3, 0, 1)
        np.testing.assert_array_equal(found["blocks.0.depthwise/kernel"], depthwise)
        for theirs, ours in (("weight", "gamma"), ("bias", "beta"), ("running_var", "moving_variance")):
            np.testing.assert_array_equal(found[f"blocks.0.bn/{ours}"], ARRAYS[f"_blocks.0._bn.{theirs}"])

    def test_safetensors_and_pth_load_the_same(self, path, tmp_path):
        path.write_bytes(file_of(ARRAYS))
        save_file(ARRAYS, tmp_path / "weights.safetensors")
        both = [network(), network()]
        for model, name in zip(both, ("weights.pth", "weights.safetensors")):
            load_tensors(model, tmp_path / name, ignored=("fc",))
        for theirs, ours in zip(*map(values, both)):
            np.testing.assert_array_equal(ours, theirs)

    @pytest.mark.parametrize(
        "change, message",
        [
            ({"_conv.weight": None}, "conv.weight: missing in the file"),
            ({"_blocks.0._bn.bias": np.zeros(4)}, "blocks.0.bn.bias: shape (4,), expected (3,)"),
            ({"_conv.weight": np.zeros((3, 2, 4, 5))}, "conv.weight: shape (4, 5, 2, 3), expected (5, 4, 2, 3)"),
            ({"_conv.weight": np.zeros((3, 2, 5))}, "conv.weight: shape (3, 2, 5), expected (5, 4, 2, 3)"),
            ({"_blocks.1._bn.bias": np.zeros(3)}, "blocks.1.bn.bias: not in the network"),
            ({"blocks.0.bn.bias": np.zeros(3)}, "blocks.0.bn.bias: twice in the file, with and without underscores"),
        ],
    )
    @pytest.mark.parametrize("ending", ["pth", "safetensors"])
    def test_one_wrong_tensor_is_named_and_nothing_loaded(self, change, message, ending, tmp_path):
        arrays = {name: array for name, array in (ARRAYS | change).items() if array is not None}
        arrays, path = {name: array.astype("float32") for name, array in arrays.items()}, tmp_path / f"x.{ending}"
        path.write_bytes(file_of(arrays)) if ending == "pth" else save_file(arrays, path)
        model = network()
        before = values(model)
        with pytest.raises(ValueError, match="the weights of 'tiny'. Received: .* Nothing was loaded.") as caught:
            load_tensors(model, path, ignored=("fc",))
        assert message in str(caught.value) and len(str(caught.value).splitlines()) == 2
        for ours, old in zip(values(model), before):
            np.testing.assert_array_equal(ours, old)

    def test_integers_are_no_weights(self, path):
        path.write_bytes(b"".join(parts_of({"bn.weight": Tensor([1, 2, 3], dtype="torch LongStorage")})))
        with pytest.raises(ValueError, match="bn.weight: int64 values, expected floating-point numbers"):
            load_tensors(keras.Sequential([keras.Input((3,)), layers.BatchNormalization(name="bn")]), path)

    @pytest.mark.parametrize("name", ["nowhere.pth", "nowhere.safetensors", "."])
    def test_a_path_that_is_no_file_raises(self, name, tmp_path):
        with pytest.raises(FileNotFoundError, match="path of a .safetensors or .pth file. Received: weights='"):
            load_tensors(network(), tmp_path / name)

    def test_a_file_of_another_kind_raises(self, tmp_path):
        (tmp_path / "weights.bin").write_bytes(file_of(ARRAYS))
        with pytest.raises(ValueError, match="a safetensors file .* or a .pth file. Received: .*weights.bin: "):
            load_tensors(network(), tmp_path / "weights.bin")
