"""Mapillary Vistas, 124 or 66 classes, with a class tree."""

import dataclasses
from collections.abc import Sequence

import tensorflow_datasets as tfds

from hierseg_keras.tree import ClassTree
from tfds_builders.reading import image_files
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.find_folder import find_folder
from tfds_builders.reading.paired_images import pair_folders, read_pair
from tfds_builders.reading.zip_path import ZipPath
from tfds_builders.tree_builder import TreeBuilder
from tfds_builders.tree_features import tree_dataset_info

_FOLDERS = {"train": "training", "validation": "validation"}
# The class ids of release 2.0 for arrows on the road to the left and to the right, alone and beside one straight ahead.
_ARROWS = [(39, 41), (42, 43)]


@dataclasses.dataclass(kw_only=True, eq=False)
class MapillaryVistasTreeConfig(tfds.core.BuilderConfig):
    """Selects the labels of a release and one of the trees that ship with `hierseg_keras`.

    Attributes:
        tree_name: String, name of the tree for `ClassTree.load`. Its leaf indices are the class ids
            of the label maps.
        label_folders: Tuple of strings, possible folders of the label maps below the folder of a
            split. The first that exists is used.
        flip_pairs: Pairs of class ids that a horizontal flip swaps. Defaults to none.
    """

    tree_name: str
    label_folders: tuple[str, ...]
    flip_pairs: Sequence[tuple[int, int]] = ()


class Builder(TreeBuilder):
    """Builds Mapillary Vistas from its folders, or from its archive without unpacking it."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        MapillaryVistasTreeConfig(
            name="v2.0",
            tree_name="mapillary_vistas_v2",
            label_folders=("v2.0/labels",),
            flip_pairs=_ARROWS,
            description="The 124 classes of release 2.0 under levels of 17 and 7 classes, as in the papers.",
        ),
        MapillaryVistasTreeConfig(
            name="v2.0_official",
            tree_name="mapillary_vistas_v2_official",
            label_folders=("v2.0/labels",),
            flip_pairs=_ARROWS,
            description="The 124 classes of release 2.0 under the parts of their official names.",
        ),
        MapillaryVistasTreeConfig(
            name="v1.2",
            tree_name="mapillary_vistas_v1_2",
            label_folders=("v1.2/labels", "labels"),
            description="The 66 classes of release 1.2 under the parts of their official names.",
        ),
    ]
    published = {"train": 18000, "validation": 2000}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
Register at https://www.mapillary.com/dataset/vistas and download release 2.0, which contains the labels of 1.2 too. Put
its archive into `manual_dir` as the only .zip file, or unpack it there:

    {training,validation}/images/<key>.jpg
    {training,validation}/v2.0/labels/<key>.png    for the configs `v2.0` and `v2.0_official`
    {training,validation}/v1.2/labels/<key>.png    for the config `v1.2`

For `v1.2`, the stand-alone releases 1.0 to 1.2 work too, whose label maps are in {training,validation}/labels/. Label
maps are 8-bit palette PNGs whose indices are class ids. There is one split per folder that exists. The images of
`testing` have no labels and are not used.
"""

    def _info(self):
        tree = ClassTree.load(self.builder_config.tree_name)
        paths, pairs = tree.paths[: tree.num_leaves], self.builder_config.flip_pairs
        return tree_dataset_info(self, tree, paths, pairs, homepage="https://www.mapillary.com/dataset/vistas")

    def split_items(self, manual_dir):
        root = _find_root(manual_dir)
        splits, problems = {}, []
        for split, folder in _FOLDERS.items():
            if (root / folder).is_dir():
                labels = find_folder(
                    root / folder, self.builder_config.label_folders, self.MANUAL_DOWNLOAD_INSTRUCTIONS
                )
                splits[split], split_problems = pair_folders(root / folder / "images", labels)
                problems += split_problems
        return splits, problems

    def read(self, pair):
        image, label = read_pair(pair, len(self.info.metadata["class_paths"]))
        stored = image_files.stored_image(pair.image, image)
        return pair.image.stem, {"image": stored, "label": label, "file_name": pair.image.name}


def _find_root(manual_dir):
    archives = [ZipPath(path) for path in manual_dir.iterdir() if path.suffix == ".zip"]
    for root in (manual_dir, *archives) if len(archives) == 1 else (manual_dir,):
        if any((root / folder).is_dir() for folder in _FOLDERS.values()):
            return root
    raise ImageFileError(
        f"{manual_dir}: expected the folders `training` and `validation`, or one .zip archive that contains them. "
        f"Received: {sorted(path.name for path in manual_dir.iterdir())}.\n{Builder.MANUAL_DOWNLOAD_INSTRUCTIONS}"
    )
