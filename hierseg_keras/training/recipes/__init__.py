"""The papers' training runs as plain data, one file a row of their tables.

A file holds fields of `RunConfig`; what it leaves out is as there.

Muller & Smith's are their table 1, a U-Net under a flat loss and under theirs (`hl`), on images whose shorter side
is 256 long; the epochs are those at which their figures end. Their text gives no momentum of SGD; here it is 0.9.

HSSN's are from its section 4.1, but for what that leaves open: an output stride of 8, as the networks that
it compares with have.

HS3's are rows of its tables 1, 2 and 3, which give network, clusters and multiply-adds: their HRNet-W18 is timm's
small v2, at 192 channels of OCR (140 in the lighter row). How long and how fast they train stands in a supplement;
here it is as HRNet's authors do on Cityscapes, and a third of it on NYUD-v2. SA-Gate sees plain depth, up to 10 metres,
where the paper's sees it coded as HHA.

ImageNet weights of HRNet, Swin, WideResNet and SA-Gate's ResNets are expected as files in the working folder, of
timm's names for `hrnet_w48`, `hrnet_w18_small_v2`, `swin_small_patch4_window7_224` and `resnet101s`.
"""

import importlib.resources
import json

_FILES = importlib.resources.files("hierseg_keras.training.recipes")


def available():
    """Names of the recipes, sorted."""
    return sorted(entry.name[:-5] for entry in _FILES.iterdir() if entry.name.endswith(".json"))


def load(name):
    """The fields of `RunConfig` that a recipe gives, a dict.

    Raises:
        ValueError: If there is no recipe of that name.
    """
    if name not in available():
        raise ValueError(f"`recipe` expects one of {available()}. Received: recipe={name!r}.")
    values = json.loads((_FILES / f"{name}.json").read_text("utf-8"))
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
