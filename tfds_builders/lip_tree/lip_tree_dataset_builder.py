"""LIP (Look into Person), single persons in 20 classes, with a class tree."""

import tensorflow_datasets as tfds

from hierseg_keras.tree import ClassTree
from tfds_builders.reading.find_folder import find_folder
from tfds_builders.reading.id_lists import listed_ids
from tfds_builders.reading.image_files import stored_image
from tfds_builders.reading.paired_images import pair_folders, pair_ids, read_pair
from tfds_builders.tree_builder import TreeBuilder
from tfds_builders.tree_features import tree_dataset_info

_SPLITS = {"train": "train", "validation": "val"}
_IMAGES, _LABELS = "TrainVal_images", "TrainVal_parsing_annotations"
_FLIP_PAIRS = [("left-arm", "right-arm"), ("left-leg", "right-leg"), ("left-shoe", "right-shoe")]
_HOMEPAGE = "http://sysu-hcp.net/lip/"


class Builder(TreeBuilder):
    """Builds LIP from its images and parsing annotations."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    published = {"train": 30462, "validation": 10000}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
Download the single-person data of LIP from http://sysu-hcp.net/lip/ and unpack these two archives into `manual_dir`:

    TrainVal_images/train_images/x.jpg                         the split `train`, required
    TrainVal_images/val_images/x.jpg                           the split `validation`, optional
    TrainVal_images/{train_id,val_id}.txt                      lists, optional, one id x per line
    TrainVal_parsing_annotations/train_segmentations/x.png     label maps, 8-bit gray PNG, class ids 0 .. 19
    TrainVal_parsing_annotations/val_segmentations/x.png

As in some archives, the folders may be inside of a second folder of the same name. Every image in a list must exist.
Without a list, all images are used. The test images have no label maps and are not read.
"""

    def _info(self):
        tree = ClassTree.load("lip")
        return tree_dataset_info(self, tree, tree.paths[: tree.num_leaves], _FLIP_PAIRS, homepage=_HOMEPAGE)

    def split_items(self, manual_dir):
        images = _find(manual_dir, _IMAGES, "train_images")
        labels = _find(manual_dir, _LABELS, "train_segmentations")
        splits, problems = {}, []
        for split, name in _SPLITS.items():
            folders = images / f"{name}_images", labels / f"{name}_segmentations"
            lists = [path for path in (images / f"{name}_id.txt", images.parent / f"{name}_id.txt") if path.exists()]
            if lists or any(folder.exists() for folder in folders):
                splits[split], split_problems = _pair_split(*folders, lists)
                problems += split_problems
        return splits, problems

    def read(self, pair):
        image, label = read_pair(pair, len(self.info.metadata["class_paths"]))
        return pair.image.stem, {
            "image": stored_image(pair.image, image),
            "label": label,
            "file_name": pair.image.name,
        }


def _find(manual_dir, outer, name):
    candidates = [f"{outer}/{name}", f"{outer}/{outer}/{name}", name]
    return find_folder(manual_dir, candidates, Builder.MANUAL_DOWNLOAD_INSTRUCTIONS).parent


def _pair_split(images, labels, lists):
    if not lists:
        return pair_folders(images, labels)
    places, list_problems = listed_ids(lists[0])
    pairs, problems = pair_ids(places, images, labels)
    return pairs, list_problems + problems
