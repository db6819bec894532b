"""The fields of a run's configuration as options of the command line."""

import argparse
import dataclasses
import math
import pathlib
import types
import typing

from hierseg_keras.losses.objectives import OBJECTIVES
from hierseg_keras.training import RunConfig
from hierseg_keras.training.methods import METHODS
from hierseg_keras.training.networks import NETWORKS, OPTIONS, PRECISIONS

FIELDS = tuple(field.name for field in dataclasses.fields(RunConfig))
_HELP = {
    "dataset": "TFDS data set, such as street_blocks or camvid_tree",
    "tree": "shipped tree or tree file; the data set's own where left out",
    "model": "; ".join(NETWORKS),
    "loss": "; ".join(OBJECTIVES),
    "method": "; ".join(METHODS),
    "beta": "largest weight of HSSN's triplets",
    "num_triplets": "HSSN's triplets, drawn at every step",
    "stages": "layers that are supervised, such as stage2,stage3",
    "stage_weight": "weight of each stage's loss",
    "clusters": "of each stage: a tree file whose top classes are the clusters, or a level of the tree; found where "
    "left out",
    "clustering": "how clusters are found: spectral; kmeans",
    "theta": "trade-off of tasks and accuracy that clusters are chosen by: degrees, or origin",
    "analysis_share": "share of the training split that clusters are found on",
    "ratio": "in place of theta: classes of a stage for one of the next stage's",
    "fuse": "fuse the stages into the network's head",
    "fuse_filters": "channels of the last stage's block",
    "width": "channels of HRNet's branch at stride 4",
    "num_modules": "modules of HRNet's stages 2, 3 and 4, such as 1,4,3",
    "num_blocks": "residual blocks of HRNet's branches",
    "blocks": "residual blocks of a ResNet's stages, such as 3,4,23,3",
    "max_depth": "metres of depth that the fourth channel's 255 stands for, for sa_gate",
    "key_filters": "channels in which pixels and regions are compared",
    "auxiliary_weight": "weight of the auxiliary logits' loss",
    "scales": "sizes of the image that the network sees, such as 0.5,1",
    "scale_weight": "weight of the loss of each size's own logits",
    "num_queries": "queries of MaskFormer",
    "num_layers": "layers of MaskFormer's decoder",
    "size": "HxW to which images are resized first, or the length of their shorter side",
    "crop_size": "HxW of the training crops; --size where left out",
    "scale_range": "smallest and largest factor of the random scale, such as 0.5,2; none leaves it out",
    "weights": "pretrained weights to start from",
    "batch_size": "images a batch, over all replicas",
    "manual_dir": "folder with the data set's files, where it cannot be downloaded",
    "data_dir": "folder of prepared data sets",
    "steps": "steps of the optimizer, in place of epochs",
    "learning_rate": "initial rate, which falls to 0 polynomially",
    "accumulation_steps": "batches whose gradients make one step",
    "ema_momentum": "momentum, such as 0.999, of averaged weights, which are validated and saved",
    "early_stopping_patience": "epochs to wait for a better validation miou_mean; keeps the best epoch's weights",
    "replicas": "number of devices, or auto for all that are visible",
    "precision": "; ".join(PRECISIONS),
    "jit_compile": "XLA: auto, true (on one replica) or false",
    "tensorboard": "write figures and pictures for TensorBoard",
}


def add_config_options(parser, names=FIELDS):
    """Adds an option for each named field."""
    for field in dataclasses.fields(RunConfig):
        if field.name not in names:
            continue
        help_text = f"{_HELP.get(field.name, field.name.replace('_', ' '))} ({_default(field)})"
        kind = _KINDS.get(field.name) or _annotated(field)
        option = {"action": argparse.BooleanOptionalAction} if kind is bool else {"type": kind}
        parser.add_argument(f"--{field.name.replace('_', '-')}", default=argparse.SUPPRESS, help=help_text, **option)


def given(options):
    """The fields that were asked for; the configuration, or a recipe, gives the rest."""
    return {name: value for name, value in vars(options).items() if name in FIELDS}


def pair(text):
    """`90x120` as `(90, 120)`."""
    try:
        height, width = (int(number) for number in text.lower().split("x"))
        if min(height, width) < 1:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTH, such as 90x120. Received: {text!r}") from None
    return height, width


def pair_or_length(text):
    """`90x120` as `(90, 120)`, `256` as 256."""
    return int(text) if text.isdecimal() else pair(text)


def range_or_none(text):
    """`0.5,2` as `(0.5, 2.0)`, `none` as None."""
    return None if text == "none" else factors(text)


def counts(text):
    """`1,4,3` as (1, 4, 3)."""
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected numbers, such as 1,4,3. Received: {text!r}") from None


def factors(text):
    """`0.75,1` as (0.75, 1.0)."""
    try:
        numbers = tuple(float(number) for number in text.split(","))
        if not all(0 < number < math.inf for number in numbers):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected factors, such as 0.75,1,1.25. Received: {text!r}") from None
    return numbers


def names(text):
    """`stage2,stage3` as ("stage2", "stage3")."""
    return tuple(text.split(","))


def trees_or_levels(text):
    """`a.txt,2` as the text of the file and "2"."""
    try:
        return tuple(part if part.isdecimal() else pathlib.Path(part).read_text("utf-8") for part in text.split(","))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"expected tree files or levels, such as a.txt,2. {error}") from None


def angle(text):
    """`75` as 75.0; `origin` as it is."""
    try:
        return text if text == "origin" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected degrees or origin. Received: {text!r}") from None


def number_or_auto(text):
    """`2` as 2; `auto` as it is."""
    if text != "auto" and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected auto or a number. Received: {text!r}")
    return text if text == "auto" else int(text)


def flag_or_auto(text):
    """`true` and `false` as what they say; `auto` as it is."""
    meanings = {"auto": "auto", "true": True, "false": False}
    if text.lower() not in meanings:
        raise argparse.ArgumentTypeError(f"expected auto, true or false. Received: {text!r}")
    return meanings[text.lower()]


_KINDS = {
    "size": pair_or_length,
    "crop_size": pair,
    "num_modules": counts,
    "blocks": counts,
    "scales": factors,
    "scale_range": range_or_none,
    "stages": names,
    "clusters": trees_or_levels,
    "theta": angle,
    "replicas": number_or_auto,
    "jit_compile": flag_or_auto,
}


def _annotated(field):
    """`int` of a field that is annotated `int` or `int | None`."""
    kinds = typing.get_args(field.type) or (field.type,)
    return next(kind for kind in kinds if kind is not types.NoneType)


def _default(field):
    if field.name not in OPTIONS:
        return f"default: {field.default}"
    defaults = {name: options[field.name] for name, (_, options) in NETWORKS.items() if field.name in options}
    return "; ".join(f"{name}: {default}" for name, default in defaults.items())
