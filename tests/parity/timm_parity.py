"""The networks' features beside those of timm, its random weights carried across by a safetensors file.

    make parity

Not among the default tests, as PyTorch takes hundreds of megabytes.
"""

import subprocess
import sys

import keras
import numpy as np
import pytest

from hierseg_keras.models import DeepLabV3Plus, HRNet, MaskFormer
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


def resnet(weights, network, **options):
    model = network(TREE, "resnet101_v1_5", filters=32, weights=weights, **options)
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
    ],
)
def test_features_equal_timms(name, make, options, tmp_path):
    subprocess.run([sys.executable, "-m", "tests.parity.timm_features", name, str(tmp_path)], check=True)
    theirs = np.load(tmp_path / "features.npz")
    maps = make(str(tmp_path / "weights.safetensors"), **options)(theirs["image"], training=False)
    assert len(theirs.files) == len(maps) + 1
    for i, ours in enumerate(maps):
        expected = theirs[f"map_{i}"]
        difference = np.abs(np.asarray(ours) - expected).max()
        print(f"{name} {expected.shape}: {difference:.1e} of {np.abs(expected).max():.1f}")
        assert difference <= LARGEST_DIFFERENCE
