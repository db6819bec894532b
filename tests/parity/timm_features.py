"""Weights and features of one of timm's networks, written to a folder.

    python -m tests.parity.timm_features hrnet_w18 folder

Run as a process of its own: PyTorch's Triton and TensorFlow bring an LLVM each, and do not start in one.
"""

import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import save_file

from tests.parity.import_timm import timm

# Of whole windows at each of Swin's stages, and more than one: timm pads what it has shifted.
SWIN_SIZE = (448, 896)
SIZE = (128, 192)


def main():
    name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    is_swin = name.startswith("swin")
    size = SWIN_SIZE if is_swin else SIZE
    model = randomized(timm.create_model(name, pretrained=False, **({"img_size": size} if is_swin else {})))
    save_file(model.state_dict(), folder / "weights.safetensors")
    image = np.random.default_rng(0).uniform(0, 255, (1, *size, 3)).astype("float32")
    with torch.no_grad():
        maps = features(model, scaled(image))
    np.savez(folder / "features.npz", image=image, **{f"map_{i}": x.numpy() for i, x in enumerate(maps)})


def randomized(model):
    """A network in evaluation, with statistics other than a fresh batch normalization's 0 and 1."""
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


def features(model, x):
    """The last maps before anything that a segmentation network has no place for, channels last."""
    if hasattr(model, "patch_embed"):
        return [model.layers(model.patch_embed(x))]
    if hasattr(model, "stages"):
        x = model.act1(model.bn1(model.conv1(x)))
        maps = model.stages(model.act2(model.bn2(model.conv2(x))))
    else:
        maps = [model.forward_features(x)]
    return [x.permute(0, 2, 3, 1) for x in maps]


if __name__ == "__main__":
    main()
