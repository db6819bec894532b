"""The networks' features beside those of timm, its random weights carried across by a safetensors file.

    make parity

Not among the default tests, as PyTorch takes hundreds of megabytes.
"""

import keras
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hierseg_keras.models import DeepLabV3Plus, HRNet, MaskFormer
from hierseg_keras.tree import ClassTree
from tests.parity.import_timm import timm

TREE = ClassTree(["a/b", "a/c", "d"])
LARGEST_DIFFERENCE = 1e-4


def randomized(model):
    """A network in evaluation, with statistics other than a fresh batch normalisation's 0 and 1."""
    torch.manual_seed(0)
    for module in model.modules():
        if hasattr(module, "relative_position_bias_table"):
            torch.nn.init.normal_(module.relative_position_bias_table)
        if isinstance(module, torch.nn.BatchNorm2d):
            # So small that maps stay of a trained network's order, over a hundred residual blocks.
            torch.nn.init.uniform_(module.weight, 0.1, 0.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return model.eval()


def scaled(image):
    means, deviations = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return torch.from_numpy(((image / 255 - means) / deviations).astype("float32").transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    "name, options",
    [
        ("hrnet_w18", {"width": 18}),
        ("hrnet_w48", {"width": 48}),
        ("hrnet_w18_small_v2", {"width": 18, "num_modules": (1, 3, 2), "num_blocks": 2}),
    ],
)
def test_hrnet(name, options, tmp_path):
    theirs = randomized(timm.create_model(name, pretrained=False))
    save_file(theirs.state_dict(), tmp_path / "timm.safetensors")
    ours = HRNet(TREE, weights=tmp_path / "timm.safetensors", **options)
    image = np.random.default_rng(0).uniform(0, 255, (1, 128, 192, 3)).astype("float32")
    with torch.no_grad():
        x = theirs.act1(theirs.bn1(theirs.conv1(scaled(image))))
        expected = theirs.stages(theirs.act2(theirs.bn2(theirs.conv2(x))))
    maps = keras.Model(ours.input, ours.get_layer("stage4").output)(image, training=False)
    for ours_at_stride, theirs_at_stride in zip(maps, expected, strict=True):
        assert_equal(name, ours_at_stride, theirs_at_stride.permute(0, 2, 3, 1))


@pytest.mark.parametrize("backbone", ["swin_tiny", "swin_small"])
def test_swin(backbone, tmp_path):
    name = f"{backbone}_patch4_window7_224"
    # A size of whole windows at every stage, and of more than one: timm pads what it has shifted.
    size = (448, 896)
    theirs = randomized(timm.create_model(name, pretrained=False, img_size=size))
    save_file(theirs.state_dict(), tmp_path / "timm.safetensors")
    ours = MaskFormer(TREE, backbone, filters=32, weights=tmp_path / "timm.safetensors")
    image = np.random.default_rng(0).uniform(0, 255, (1, *size, 3)).astype("float32")
    with torch.no_grad():
        expected = theirs.layers(theirs.patch_embed(scaled(image)))
    # What is normalised by the stage's own weights, which timm's network has none of.
    last = ours.get_layer("stage4").input
    assert_equal(name, keras.Model(ours.input, last)(image, training=False), expected)


def test_resnet101(tmp_path):
    theirs = randomized(timm.create_model("resnet101", pretrained=False))
    save_file(theirs.state_dict(), tmp_path / "timm.safetensors")
    image = np.random.default_rng(0).uniform(0, 255, (1, 128, 192, 3)).astype("float32")
    with torch.no_grad():
        expected = theirs.forward_features(scaled(image)).permute(0, 2, 3, 1)
    weights = str(tmp_path / "timm.safetensors")
    for model in (
        MaskFormer(TREE, "resnet101_v1_5", filters=32, weights=weights),
        DeepLabV3Plus(TREE, "resnet101_v1_5", filters=32, output_stride=32, weights=weights),
    ):
        ours = keras.Model(model.input, model.get_layer("embedding").output)(image, training=False)
        assert_equal(f"resnet101 {model.name}", ours, expected)


def assert_equal(name, ours, theirs):
    theirs = theirs.numpy()
    difference = np.abs(np.asarray(ours) - theirs).max()
    print(f"{name} {theirs.shape}: {difference:.1e} of {np.abs(theirs).max():.1f}")
    assert difference <= LARGEST_DIFFERENCE
