"""Finds the files of each frame of Cityscapes, in folders or in the downloaded archives."""

import dataclasses

from etils import epath

from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.zip_path import ZipPath

SPLITS = {"train": "train", "validation": "val", "test": "test"}
IMAGE, LABEL, INSTANCES = "_leftImg8bit.png", "_gtFine_labelIds.png", "_gtFine_instanceIds.png"
ARCHIVES = {"leftImg8bit": "leftImg8bit_trainvaltest.zip", "gtFine": "gtFine_trainvaltest.zip"}


@dataclasses.dataclass(frozen=True)
class Frame:
    """The files of a frame.

    Attributes:
        image, label: Paths.
        instances: Path, or `None` if instances are not requested.
    """

    image: epath.Path | ZipPath
    label: epath.Path | ZipPath
    instances: epath.Path | ZipPath | None = None


def find_frames(manual_dir, with_instances):
    """Finds the frames of every split.

    Args:
        manual_dir: `epath.Path` of a folder that contains `leftImg8bit` and `gtFine`, each as a folder or as
            an archive.
        with_instances: Boolean, whether a frame needs `*_instanceIds.png`.

    Returns:
        A pair `(splits, problems)`, as from `TreeBuilder.split_items`. A split exists if any of its files does.

    Raises:
        ImageFileError: If there are neither folders nor archives, or an archive is damaged.
    """
    kinds = {"image": ("leftImg8bit", IMAGE), "label": ("gtFine", LABEL)}
    if with_instances:
        kinds["instances"] = ("gtFine", INSTANCES)
    folders = {folder: _find(manual_dir, folder) for folder in ARCHIVES}
    files = {kind: _frames(folders[folder], ending) for kind, (folder, ending) in kinds.items()}
    frames = sorted(set().union(*files.values()))
    problems = [
        f"{folders[folder] / frame}{ending}: expected beside the frame's other files. Received: nothing there"
        for frame in frames
        for kind, (folder, ending) in kinds.items()
        if frame not in files[kind]
    ]
    splits = {}
    for split, folder in SPLITS.items():
        of_split = [frame for frame in frames if frame.startswith(f"{folder}/")]
        if of_split:
            splits[split] = [
                Frame(**{kind: files[kind][frame] for kind in kinds})
                for frame in of_split
                if all(frame in files[kind] for kind in kinds)
            ]
    if not splits:
        raise ImageFileError(
            f"{manual_dir}: expected leftImg8bit/<split>/<city>/*{IMAGE}, split one of {', '.join(SPLITS.values())}. "
            "Received: no such file"
        )
    return splits, problems


def _find(manual_dir, folder):
    archive = manual_dir / ARCHIVES[folder]
    if (manual_dir / folder).is_dir():
        return manual_dir / folder
    if archive.exists():
        return ZipPath(archive, folder)
    raise ImageFileError(
        f"{manual_dir}: expected the folder {folder}/ or the archive {ARCHIVES[folder]}. "
        f"Received: {sorted(path.name for path in manual_dir.iterdir())}"
    )


def _frames(folder, ending):
    """Returns a dict from frames, such as `val/frankfurt/frankfurt_000000_000294`, to files."""
    splits = [folder / split for split in SPLITS.values()]
    return {
        f"{split.name}/{city.name}/{file.name.removesuffix(ending)}": file
        for split in splits
        if split.is_dir()
        for city in split.iterdir()
        if city.is_dir()
        for file in city.iterdir()
        if file.name.endswith(ending) and not file.name.startswith(".")
    }
