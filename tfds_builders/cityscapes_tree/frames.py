"""Which files of Cityscapes make up a frame, in unpacked folders or in the archives as they were downloaded."""

import dataclasses
import re

from etils import epath

from tfds_builders.image_files import ImageFileError
from tfds_builders.zip_member import ZipMember, zip_members

SPLITS = {"train": "train", "validation": "val", "test": "test"}
IMAGE, LABEL, INSTANCES = "_leftImg8bit.png", "_gtFine_labelIds.png", "_gtFine_instanceIds.png"
ARCHIVES = {"leftImg8bit": "leftImg8bit_trainvaltest.zip", "gtFine": "gtFine_trainvaltest.zip"}


@dataclasses.dataclass(frozen=True)
class Frame:
    """A frame's files, paths or members of a zip archive; `instances` where it was asked for."""

    image: epath.Path | ZipMember
    label: epath.Path | ZipMember
    instances: epath.Path | ZipMember | None = None


def find_frames(manual_dir, with_instances):
    """Finds the frames of every split.

    Args:
        manual_dir: `epath.Path` of a folder with `leftImg8bit/` and `gtFine/`, or with the two
            archives that hold them, or one of each.
        with_instances: Whether a frame needs `*_instanceIds.png`.

    Returns:
        `(splits, problems)`, as from `TreeBuilder.split_items`. A split is there if any of its files is.

    Raises:
        ImageFileError: If neither folders nor archives are there, or an archive is damaged.
    """
    kinds = {"image": ("leftImg8bit", IMAGE), "label": ("gtFine", LABEL)}
    if with_instances:
        kinds["instances"] = ("gtFine", INSTANCES)
    sources = {folder: _source(manual_dir, folder) for folder in ARCHIVES}
    files = {kind: _frames(sources[folder][1], folder, ending) for kind, (folder, ending) in kinds.items()}
    frames = sorted(set().union(*files.values()))
    problems = [
        f"{sources[folder][0]}/{folder}/{frame}{ending}: expected it, as other files of the frame are there. "
        "Received: nothing there"
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


def _source(manual_dir, folder):
    """The folder or archive that holds `folder`, and a dict from paths there, such as `gtFine/val/...`, to files."""
    if (manual_dir / folder).is_dir():
        # Not by `glob`, to which a bracket in the name of `manual_dir` would mean something.
        splits = [manual_dir / folder / split for split in SPLITS.values()]
        cities = [city for split in splits if split.is_dir() for city in split.iterdir() if city.is_dir()]
        paths = (path for city in cities for path in city.iterdir())
        return manual_dir, {path.relative_to(manual_dir).as_posix(): path for path in paths}
    archive = manual_dir / ARCHIVES[folder]
    if archive.exists():
        return archive, zip_members(archive)
    raise ImageFileError(
        f"{manual_dir}: expected the folder {folder}/ or the archive {ARCHIVES[folder]}. "
        f"Received: {sorted(path.name for path in manual_dir.iterdir())}"
    )


def _frames(files, folder, ending):
    """Dict from frame, such as `val/frankfurt/frankfurt_000000_000294`, to file."""
    pattern = re.compile(f"{folder}/((?:{'|'.join(SPLITS.values())})/[^/]+/[^/.][^/]*){re.escape(ending)}")
    matches = ((pattern.fullmatch(path), file) for path, file in files.items())
    return {match[1]: file for match, file in matches if match}
