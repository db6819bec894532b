"""Helen, faces in 11 classes, with the class tree of Muller & Smith."""

import tensorflow_datasets as tfds

from hierseg_keras.tree import ClassTree
from tfds_builders.helen_tree.probability_maps import map_paths, read_most_probable
from tfds_builders.reading.find_folder import find_folder
from tfds_builders.reading.id_lists import listed_ids
from tfds_builders.reading.image_files import stored_image
from tfds_builders.reading.paired_images import pair_ids, read_pair
from tfds_builders.tree_builder import TreeBuilder
from tfds_builders.tree_features import tree_dataset_info

_LISTS = {"train": "exemplars.txt", "validation": "tuning.txt", "test": "testing.txt"}
_LINE = r"\d+\s*,\s*(\S+)"
_ROOTS = ("SmithCVPR2013_dataset_resized/", "SmithCVPR2013_dataset_original/", "")
_FLIP_PAIRS = [("left_eyebrow", "right_eyebrow"), ("left_eye", "right_eye")]
_HOMEPAGE = "https://pages.cs.wisc.edu/~lizhang/projects/face-parsing/"


class Builder(TreeBuilder):
    """Builds Helen from the segmentations of Smith et al."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    published = {"train": 2000, "validation": 230, "test": 100}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
Download SmithCVPR2013_dataset_resized.zip from https://pages.cs.wisc.edu/~lizhang/projects/face-parsing/ and unpack it
into `manual_dir`:

    SmithCVPR2013_dataset_resized/images/x.jpg
    SmithCVPR2013_dataset_resized/labels/x/x_lbl00.png .. x_lbl10.png     one probability map per class, 8-bit gray PNG
    SmithCVPR2013_dataset_resized/exemplars.txt                           the split `train`, required
    SmithCVPR2013_dataset_resized/tuning.txt                              the split `validation`, optional
    SmithCVPR2013_dataset_resized/testing.txt                             the split `test`, optional

A list has one line `1 , x` per image, and every image in it must exist. If this folder does not exist, the same files
are read from `SmithCVPR2013_dataset_original/`, or from `manual_dir` itself.
"""

    def _info(self):
        tree = ClassTree.load("helen")
        return tree_dataset_info(self, tree, tree.paths[: tree.num_leaves], _FLIP_PAIRS, homepage=_HOMEPAGE)

    def split_items(self, manual_dir):
        folders = [f"{root}labels" for root in _ROOTS]
        root = find_folder(manual_dir, folders, self.MANUAL_DOWNLOAD_INSTRUCTIONS).parent
        splits, problems = {}, []
        for split, name in _LISTS.items():
            if split != "train" and not (root / name).exists():
                continue
            places, list_problems = listed_ids(root / name, _LINE)
            splits[split], pair_problems = pair_ids(places, root / "images", root / "labels", "")
            problems += list_problems + pair_problems + _missing_maps(splits[split])
        return splits, problems

    def read(self, pair):
        image, label = read_pair(pair, len(self.info.metadata["class_paths"]), read_most_probable)
        return pair.image.stem, {
            "image": stored_image(pair.image, image),
            "label": label,
            "file_name": pair.image.name,
        }


def _missing_maps(pairs):
    problems = []
    for pair in pairs:
        names = {path.name for path in pair.label.iterdir()}
        missing = [path.name for path in map_paths(pair.label) if path.name not in names]
        if missing:
            problems.append(f"{pair.label}: expected one map per class. Received: none named {', '.join(missing)}")
    return problems
