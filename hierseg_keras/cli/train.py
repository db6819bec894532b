"""Train a network; leaves configuration, tree, log, pictures and weights in a folder."""

import argparse
import dataclasses

from hierseg_keras.training import RunConfig, train
from hierseg_keras.training.objectives import OBJECTIVES

_HELP = {
    "dataset": "TFDS data set, such as street_blocks or camvid_tree",
    "tree": "shipped tree or tree file; the data set's own where left out",
    "loss": "; ".join(OBJECTIVES),
    "size": "HxW to which images are resized first",
    "crop_size": "HxW of the training crops; --size where left out",
    "manual_dir": "folder with the data set's files, where it cannot be downloaded",
    "data_dir": "folder of prepared data sets",
    "learning_rate": "initial rate, which falls to 0 polynomially",
}


def add_arguments(parser):
    for field in dataclasses.fields(RunConfig):
        if field.name.endswith("size") and field.default is None:
            kind = pair
        else:
            kind = type(field.default) if field.default is not None else str
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=kind,
            default=field.default,
            help=f"{_HELP.get(field.name, field.name.replace('_', ' '))} (default: {field.default})",
        )
    parser.add_argument("--out", required=True, help="folder of the run, new or empty")


def run(options):
    fields = {field.name: getattr(options, field.name) for field in dataclasses.fields(RunConfig)}
    train(RunConfig(**fields), options.out)
    print(f"The run is in {options.out}")
    return 0


def pair(text):
    """`90x120` as `(90, 120)`."""
    try:
        height, width = (int(number) for number in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTH, such as 90x120. Received: {text!r}") from None
    return height, width
