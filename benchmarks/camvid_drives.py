"""CamVid divided by drives, so that no frame of the test split is from a drive that was trained on.

CamVid's own validation split is one clip of seven seconds between two clips of the training split. Here the drives
0001TP and 0016E5 of its training images are `train`, its validation images stay `validation`, and the drive 0006R0
is `test`.
"""

import pathlib
import shutil

TEST_DRIVE = "0006R0"
_SPLITS = {"train": ("train", "test"), "val": ("val", "val")}


def divide_by_drives(camvid, folder):
    """Copies CamVid's images into a folder for `manual_dir`, divided by drives. A folder that exists stays.

    Args:
        camvid: Path of the folder with `train`, `trainannot`, `val` and `valannot`.
        folder: Path of the new folder.
    """
    folder = pathlib.Path(folder)
    if folder.exists():
        return
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for split, (kept, tested) in _SPLITS.items():
        for kind in ("", "annot"):
            for path in sorted((pathlib.Path(camvid) / f"{split}{kind}").glob("*.png")):
                target = tested if path.name.startswith(TEST_DRIVE) else kept
                place = unfinished / f"{target}{kind}" / path.name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)
    unfinished.rename(folder)
