"""What the benchmarks on CamVid share: where its files are looked for, and how a small run reads them."""

import os
import pathlib
import sys

from hierseg_keras.training import RunConfig

SIZE = (90, 120)


def check_camvid():
    """Ends the script where nobody said where CamVid's files lie."""
    if "CAMVID_DIR" not in os.environ:
        script = pathlib.Path(sys.argv[0]).name
        sys.exit(f"{script}: CAMVID_DIR is not set: the folder of CamVid's train, trainannot, val and valannot.")


def camvid_run(options, **fields):
    """The `RunConfig` of a run on CamVid at 90 x 120, of a script's `epochs` and `data_dir`."""
    fields = {"size": SIZE, "learning_rate": 2e-3, **fields}
    folders = {"manual_dir": os.environ["CAMVID_DIR"], "data_dir": options.data_dir}
    return RunConfig(dataset="camvid_tree", epochs=options.epochs, **fields, **folders)
