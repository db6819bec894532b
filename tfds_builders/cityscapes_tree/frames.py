"""Finds the files of each frame of Cityscapes, in folders or in the downloaded archives."""

import dataclasses

from etils import epath

from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.zip_path import ZipPath

IMAGES, IMAGE = "leftImg8bit", "_leftImg8bit.png"
_LABEL, _INSTANCES = "labelIds.png", "instanceIds.png"
_EXTRA = "train_extra"


@dataclasses.dataclass(frozen=True)
class Annotations:
    """One of the two kinds of annotations.

    Attributes:
        folder: Name of the folder of its files, and part of their names.
        archive: Name of the archive of the folder.
        splits: Dict from the name of a split to the name of its folder.
        every_split: Boolean, whether a split that has labels must have images. Otherwise its labels are not used.
    """

    folder: str
    archive: str
    splits: dict[str, str]
    every_split: bool


FINE = Annotations(
    "gtFine", "gtFine_trainvaltest.zip", {"train": "train", "validation": "val", "test": "test"}, every_split=True
)
COARSE = Annotations(
    "gtCoarse", "gtCoarse.zip", {"train": "train", _EXTRA: _EXTRA, "validation": "val"}, every_split=False
)
_IMAGE_ARCHIVES = ("leftImg8bit_trainvaltest.zip", "leftImg8bit_trainextra.zip")


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


def find_frames(manual_dir, annotations=FINE, with_instances=False):
    """Finds the frames of every split.

    Args:
        manual_dir: `epath.Path` of a folder that contains `leftImg8bit` and the folder of the annotations, each as a
            folder or as an archive.
        annotations: `FINE` or `COARSE`.
        with_instances: Boolean, whether a frame needs `*_instanceIds.png`.

    Returns:
        A pair `(splits, problems)`, as from `TreeBuilder.split_items`. A split exists if any of its files does, or,
        without `every_split`, if any of its images does.

    Raises:
        ImageFileError: If there are neither folders nor archives, or an archive is damaged.
    """
    folder = annotations.folder
    kinds = {"image": (IMAGES, IMAGE), "label": (folder, f"_{folder}_{_LABEL}")}
    if with_instances:
        kinds["instances"] = (folder, f"_{folder}_{_INSTANCES}")
    roots = {
        IMAGES: _image_roots(manual_dir, annotations),
        folder: [_find(manual_dir, folder, annotations.archive)],
    }
    files = {kind: _frames(roots[place], annotations, ending) for kind, (place, ending) in kinds.items()}
    frames = sorted(set().union(*files.values()))
    if not annotations.every_split:
        has_images = {_split(frame) for frame in files["image"]}
        frames = [frame for frame in frames if _split(frame) in has_images]
    problems = [
        f"{roots[place][0] / frame}{ending}: expected beside the frame's other files. Received: nothing there"
        for frame in frames
        for kind, (place, ending) in kinds.items()
        if frame not in files[kind]
    ]
    splits = {}
    for split, name in annotations.splits.items():
        of_split = [frame for frame in frames if _split(frame) == name]
        if of_split:
            splits[split] = [
                Frame(**{kind: files[kind][frame] for kind in kinds})
                for frame in of_split
                if all(frame in files[kind] for kind in kinds)
            ]
    if not splits:
        names = ", ".join(annotations.splits.values())
        raise ImageFileError(
            f"{manual_dir}: expected {IMAGES}/<split>/<city>/*{IMAGE}, split one of {names}. Received: no such file"
        )
    return splits, problems


def _split(frame):
    return frame.partition("/")[0]


def _image_roots(manual_dir, annotations):
    """Returns the places of images: the folder, and each archive that has a split which the folder lacks."""
    folder, (main, extra) = manual_dir / IMAGES, _IMAGE_ARCHIVES
    missing = {name for name in annotations.splits.values() if not (folder / name).is_dir()}
    archives = [manual_dir / name for name, has in ((main, missing - {_EXTRA}), (extra, missing & {_EXTRA})) if has]
    roots = [folder] if folder.is_dir() else []
    roots += [ZipPath(archive, IMAGES) for archive in archives if archive.exists()]
    return roots or [_find(manual_dir, IMAGES, main)]


def _find(manual_dir, folder, archive):
    if (manual_dir / folder).is_dir():
        return manual_dir / folder
    if (manual_dir / archive).exists():
        return ZipPath(manual_dir / archive, folder)
    raise ImageFileError(
        f"{manual_dir}: expected the folder {folder}/ or the archive {archive}. "
        f"Received: {sorted(path.name for path in manual_dir.iterdir())}"
    )


def _frames(roots, annotations, ending):
    """Returns a dict from frames, such as `val/frankfurt/frankfurt_000000_000294`, to files."""
    # Of a frame in several places, the file in the first place is used.
    splits = [root / split for root in reversed(roots) for split in annotations.splits.values()]
    return {
        f"{split.name}/{city.name}/{file.name.removesuffix(ending)}": file
        for split in splits
        if split.is_dir()
        for city in split.iterdir()
        if city.is_dir()
        for file in city.iterdir()
        if file.name.endswith(ending) and not file.name.startswith(".")
    }
