"""Train a network; leaves configuration, tree, log, pictures and weights in a folder."""

import argparse
import dataclasses
import types
import typing

from hierseg_keras.losses.objectives import OBJECTIVES
from hierseg_keras.training import RunConfig, recipes, smoke, train
from hierseg_keras.training.networks import NETWORKS, OPTIONS, PRECISIONS

_HELP = {
    "dataset": "TFDS data set, such as street_blocks or camvid_tree",
    "tree": "shipped tree or tree file; the data set's own where left out",
    "model": "; ".join(NETWORKS),
    "loss": "; ".join(OBJECTIVES),
    "triplet": "train the embedding by tree-triplets too, as HSSN",
    "beta": "largest weight of the triplets",
    "num_triplets": "triplets drawn at every step",
    "size": "HxW to which images are resized first",
    "crop_size": "HxW of the training crops; --size where left out",
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


def add_arguments(parser):
    for field in dataclasses.fields(RunConfig):
        help_text = f"{_HELP.get(field.name, field.name.replace('_', ' '))} ({_default(field)})"
        kind = _KINDS.get(field.name) or _annotated(field)
        option = {"action": argparse.BooleanOptionalAction} if kind is bool else {"type": kind}
        parser.add_argument(
            f"--{field.name.replace('_', '-')}", default=argparse.SUPPRESS, help=help_text, **option
        )
    parser.add_argument("--recipe", help=f"a paper's run, which other options change: {'; '.join(recipes.available())}")
    parser.add_argument("--smoke", action="store_true", help="two steps on generated data, without data set or folder")
    parser.add_argument("--out", help="folder of the run, new or empty")


def run(options):
    # Only what was asked for, so that a recipe gives the rest.
    names = {field.name for field in dataclasses.fields(RunConfig)}
    given = {name: value for name, value in vars(options).items() if name in names}
    config = RunConfig.from_recipe(options.recipe, **given) if options.recipe else RunConfig(**given)
    if options.smoke:
        for name, value in smoke(config).items():
            print(f"{name:16s} {value:.4g}" if isinstance(value, float) else f"{name:16s} {value:,}")
        return 0
    if options.out is None:
        raise ValueError("expected the folder of the run. Received: no --out.")
    train(config, options.out)
    print(f"The run is in {options.out}")
    return 0


def pair(text):
    """`90x120` as `(90, 120)`."""
    try:
        height, width = (int(number) for number in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTH, such as 90x120. Received: {text!r}") from None
    return height, width


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


_KINDS = {"size": pair, "crop_size": pair, "replicas": number_or_auto, "jit_compile": flag_or_auto}


def _annotated(field):
    """`int` of a field that is annotated `int` or `int | None`."""
    kinds = typing.get_args(field.type) or (field.type,)
    return next(kind for kind in kinds if kind is not types.NoneType)


def _default(field):
    if field.name not in OPTIONS:
        return f"default: {field.default}"
    defaults = {name: options[field.name] for name, (_, options) in NETWORKS.items() if field.name in options}
    return "; ".join(f"{name}: {default}" for name, default in defaults.items())
