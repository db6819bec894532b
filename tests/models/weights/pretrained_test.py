import keras
import numpy as np
import pytest

from hierseg_keras.models import DeepLabV3Plus
from hierseg_keras.tree import ClassTree
from tests.models.backbones.resnet_test import randomised
from tests.models.weights.old_pytorch_file import file_of

if keras.backend.backend() != "tensorflow":
    pytest.skip("KerasCV imports TensorFlow", allow_module_level=True)

TREE = ClassTree(["human/person", "human/rider", "sky"])
IMAGE = np.random.default_rng(1).uniform(0, 255, (1, 64, 96, 3)).astype("float32")


def features(model):
    return model.get_layer("backbone")(model.get_layer("scale")(IMAGE))


def assert_close(ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert theirs.std() > 0
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * abs(theirs).max())


class PretrainedTest:
    """Random weights in a file as the libraries write it, carried into the network, scaling included."""

    @pytest.mark.large
    def test_features_equal_those_of_keras_applications(self, tmp_path):
        path = tmp_path / "resnet50.weights.h5"
        source = randomised(keras.applications.ResNet50(include_top=False, weights=None))
        source.save_weights(path)
        model = DeepLabV3Plus(TREE, backbone="resnet50", weights=str(path), output_stride=32, filters=8)
        scaled = keras.applications.resnet.preprocess_input(IMAGE.copy())
        low, last = features(model)
        assert_close(last, source(scaled))
        assert_close(low, keras.Model(source.input, source.get_layer("conv2_block3_out").output)(scaled))

    @pytest.mark.large
    def test_features_equal_those_of_keras_cv(self, tmp_path):
        from hierseg_keras.models.keras_cv.parts import pyramid, resnet_v2_backbone

        path = tmp_path / "model.weights.h5"
        source = randomised(resnet_v2_backbone((3, 4, 6, 3), 32))
        source.save_weights(path)
        model = DeepLabV3Plus(TREE, backbone="resnet50_v2", weights=str(path), output_stride=32, filters=8)
        for ours, theirs in zip(features(model), pyramid(source)[0](IMAGE / 255)):
            assert_close(ours, theirs)

    @pytest.mark.large
    def test_file_of_another_network_raises(self, tmp_path):
        path = tmp_path / "other.weights.h5"
        keras.applications.MobileNetV2(include_top=False, weights=None, alpha=0.35).save_weights(path)
        with pytest.raises(ValueError, match="a file with the weights of keras.applications.ResNet50"):
            DeepLabV3Plus(TREE, backbone="resnet50", weights=str(path), filters=8)

    def test_missing_file_raises(self):
        with pytest.raises(FileNotFoundError, match='"imagenet" or the path of a file. Received: .*nowhere.h5'):
            DeepLabV3Plus(TREE, backbone="resnet50", weights="nowhere.h5", filters=8)

    def test_no_network_names_the_file_and_its_place(self, monkeypatch, tmp_path):
        def fail(**_):
            raise Exception("URL fetch failure on https://storage.googleapis.com: unreachable\nand a long tail")

        monkeypatch.setattr(keras.applications, "ResNet101", fail)
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        with pytest.raises(OSError) as caught:
            DeepLabV3Plus(TREE, backbone="resnet101", weights="imagenet", filters=8)
        assert "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5" in str(caught.value)
        assert f"Put the file in {tmp_path / 'models'}" in str(caught.value) and "tail" not in str(caught.value)


class SafetensorsTest:
    """A file with PyTorch's names and layouts, of random numbers, into a backbone of DeepLabV3+."""

    @pytest.mark.large
    @pytest.mark.parametrize("ending", ["safetensors", "pth"])
    @pytest.mark.parametrize("backbone, changed", [("resnet50_v1_5", "layer3.0.downsample.0")])
    def test_every_tensor_finds_its_place(self, backbone, changed, ending, tmp_path):
        from safetensors.numpy import save_file

        tensors, rng = {"fc.weight": np.zeros((1000, 2048), "float32")}, np.random.default_rng(0)
        for layer in DeepLabV3Plus(TREE, backbone=backbone, filters=8).get_layer("backbone").layers:
            if isinstance(layer, keras.layers.Conv2D):
                height, width, channels, filters = layer.kernel.shape
                tensors[f"{layer.name}.weight"] = rng.normal(size=(filters, channels, height, width)).astype("float32")
            if isinstance(layer, keras.layers.BatchNormalization):
                for name in ("weight", "bias", "running_mean", "running_var"):
                    tensors[f"{layer.name}.{name}"] = rng.uniform(size=layer.gamma.shape).astype("float32")
        path = tmp_path / f"resnet.{ending}"
        save_file(tensors, path) if ending == "safetensors" else path.write_bytes(file_of(tensors))
        model = DeepLabV3Plus(TREE, backbone=backbone, filters=8, weights=str(path))
        kernel = np.asarray(model.get_layer("backbone").get_layer(changed).kernel)
        np.testing.assert_array_equal(kernel, tensors[f"{changed}.weight"].transpose(2, 3, 1, 0))

    @pytest.mark.large
    def test_download_is_refused_and_a_file_asked_for(self):
        with pytest.raises(
            ValueError, match="None for backbone='wide_resnet38'.*path of a .safetensors or .pth file, or"
        ):
            DeepLabV3Plus(TREE, backbone="wide_resnet38", weights="imagenet", filters=8)
