"""NYU-Depth-v2, indoor scenes with depth in 40 classes, with a class tree."""

import csv
import dataclasses
import functools

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from etils import epath

from hierseg_keras.tree import ClassTree
from tfds_builders.nyu_depth_v2_tree.scene_file import SceneFile
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.matlab_v5 import read_variables
from tfds_builders.tree_builder import TreeBuilder
from tfds_builders.tree_features import tree_dataset_info

_FOLDER = epath.Path(__file__).parent
_SCENES, _SPLITS = "nyu_depth_v2_labeled.mat", "splits.mat"
_VARIABLES = {"train": "trainNdxs", "test": "testNdxs"}
_HOMEPAGE = "https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html"


@dataclasses.dataclass(frozen=True)
class Scene:
    """A scene.

    Attributes:
        path: Path of the file.
        number: Integer, number of the scene in the file, from 1.
    """

    path: epath.Path
    number: int


class Builder(TreeBuilder):
    """Builds the labeled scenes of NYU-Depth-v2 in the 40 classes of Gupta et al."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    published = {"train": 795, "test": 654}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
Download the labeled data set from https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html and put into `manual_dir`:

    nyu_depth_v2_labeled.mat    2.8 GB, MATLAB 7.3, with `images`, `depths` and `labels` of 1,449 scenes
    splits.mat                  optional: the numbers of each split's scenes, `trainNdxs` and `testNdxs`. Without it
                                the official splits are used, restricted to the scenes in the file.
"""

    def _info(self):
        tree = ClassTree.load("nyu_depth_v2")
        depth = tfds.features.Image(shape=(None, None, 1), dtype=np.float32, encoding_format="png", doc="Meters.")
        return tree_dataset_info(
            self, tree, [None, *tree.paths[: tree.num_leaves]], more_features={"depth": depth}, homepage=_HOMEPAGE
        )

    def split_items(self, manual_dir):
        path = manual_dir / _SCENES
        if not path.exists():
            found = sorted(path.name for path in manual_dir.iterdir())
            raise ImageFileError(
                f"{path}: expected this file. Received: {found} beside it.\n{self.MANUAL_DOWNLOAD_INSTRUCTIONS}"
            )
        with SceneFile(path) as scenes:
            num_scenes = scenes.num_scenes
            if not scenes.has_check_sums:
                logging.warning(
                    "%s has no checksums because it is not compressed: damaged values are not detected", path
                )
        if (manual_dir / _SPLITS).exists():
            splits = _read_splits(manual_dir / _SPLITS, num_scenes)
        else:
            splits = _official_splits(num_scenes)
        return {split: [Scene(path, number) for number in numbers] for split, numbers in splits.items() if numbers}, []

    def read(self, scene):
        with SceneFile(scene.path) as scenes:
            image, depth, raw_label = scenes.read(scene.number)
        example = {"image": image, "depth": depth, "label": raw_to_40_classes()[raw_label]}
        return scene.number, {**example, "file_name": f"{scene.number:04}"}


@functools.cache
def raw_to_40_classes():
    """Returns the table from the 894 raw class ids to the 40 classes, uint8 `(895,)`. 0 is unlabeled in both."""
    with (_FOLDER / "raw_classes.csv").open("r") as file:
        rows = list(csv.DictReader(file))
    table = np.zeros(1 + len(rows), np.uint8)
    for row in rows:
        table[int(row["raw_id"])] = int(row["id40"])
    return table


def _official_splits(num_scenes):
    numbers = {split: map(int, (_FOLDER / f"split_{split}.txt").read_text().split()) for split in _VARIABLES}
    return {split: [number for number in numbers[split] if number <= num_scenes] for split in numbers}


def _read_splits(path, num_scenes):
    arrays = read_variables(path, list(_VARIABLES.values()))
    for name, array in zip(_VARIABLES.values(), arrays):
        if array.dtype.kind not in "uif" or not array.size or not np.isin(array, np.arange(1, num_scenes + 1)).all():
            raise ImageFileError(
                f"{path}: expected numbers of scenes from 1 to {num_scenes} in `{name}`. Received: {array.ravel()}"
            )
    numbers, counts = np.unique(np.concatenate([array.ravel() for array in arrays]), return_counts=True)
    if (counts > 1).any():
        raise ImageFileError(
            f"{path}: expected each scene once, in one split. Received: {numbers[counts > 1].tolist()} several times"
        )
    return {split: array.ravel().astype(int).tolist() for split, array in zip(_VARIABLES, arrays)}
