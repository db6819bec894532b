"""What the benchmarks on CamVid share: where its files are looked for, and how a small run reads them."""

import os
import pathlib
import sys

from hierseg_keras import data
from hierseg_keras.training import RunConfig

SIZE = (90, 120)
SMALL_UNET = {"name": "UNet", "filters": 8, "num_stages": 4}


def check_camvid():
    """Ends the script where nobody said where CamVid's files lie."""
    if "CAMVID_DIR" not in os.environ:
        script = pathlib.Path(sys.argv[0]).name
        sys.exit(f"{script}: CAMVID_DIR is not set: the folder of CamVid's train, trainannot, val and valannot.")


def camvid_run(options, **tables):
    """The `RunConfig` of a run on CamVid at 90 x 120, of a script's `epochs` and `data_dir`, and a small UNet."""
    folders = {"manual_dir": os.environ["CAMVID_DIR"], "data_dir": options.data_dir}
    config = RunConfig(
        data={"dataset": "camvid_tree", "size": SIZE, **folders},
        network=SMALL_UNET,
        optimizer={"learning_rate": 2e-3},
        schedule={"epochs": options.epochs},
    )
    return config.replace(**tables)


def examples_of(config, split, tree):
    """The images and labels of a split, as a run's `data` says, in order."""
    values = config.data
    folders = {"data_dir": values.data_dir, "manual_dir": values.manual_dir}
    return data.load(values.dataset, split, tree=tree, size=values.size, **folders)
