"""Makes the data of the report page in the documentation from the runs of `make demo`.

    python docs/report_page/make.py [DEMO]

Only data are kept here. `docs/report_page_hook.py` adds the rest of the page, as the package ships it.
"""

import pathlib
import shutil
import sys
import tempfile

from hierseg_keras.training import report_runs

DATA = pathlib.Path(__file__).with_name("data")
# Few, so that the data stay below a megabyte.
NUM_IMAGES = 6


def main(demo="demo"):
    with tempfile.TemporaryDirectory() as folder:
        runs = [pathlib.Path(demo, name) for name in ("flat", "tree")]
        index = report_runs(runs, pathlib.Path(folder, "page"), max_images=NUM_IMAGES)
        shutil.rmtree(DATA, ignore_errors=True)
        shutil.copytree(index.parent / "data", DATA)


if __name__ == "__main__":
    main(*sys.argv[1:])
