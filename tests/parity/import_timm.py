"""timm, also where no torchvision fits the installed PyTorch: its transforms are not needed to build networks."""

import sys
import unittest.mock

import torch

_NAMES = ("transforms", "transforms.functional", "transforms.v2", "ops", "ops.misc", "datasets", "datasets.folder")

try:
    import torchvision  # noqa: F401
except Exception:  # Whatever a build for another PyTorch stumbles over.
    for name in ("torchvision", *(f"torchvision.{name}" for name in _NAMES)):
        sys.modules[name] = unittest.mock.MagicMock(__path__=[], __spec__=None)
    # timm asks whether layers are of this class.
    sys.modules["torchvision.ops.misc"].FrozenBatchNorm2d = type("FrozenBatchNorm2d", (torch.nn.Module,), {})

import timm  # noqa: E402

__all__ = ["timm"]
