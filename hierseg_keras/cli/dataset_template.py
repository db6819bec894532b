"""The files that `hierseg new-dataset` writes. NAME stands for the name of the data set."""

BUILDER = '''"""The data set NAME: images and masks of class ids in folders."""

import pathlib

import tensorflow_datasets as tfds

import hierseg_keras as hs
from tfds_builders import TreeBuilder, pair_folders, read_pair, tree_dataset_info


class Builder(TreeBuilder):
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Put images/x.jpg and masks/x.png into train/ and validation/ in `manual_dir`."

    def _info(self):
        tree = hs.ClassTree.from_file(pathlib.Path(__file__).with_name("tree.txt"))
        # The node of each id in the masks, in order. None is "no label": here the id after those of the leaves.
        return tree_dataset_info(self, tree, [*tree.paths[: tree.num_leaves], None])

    def split_items(self, manual_dir):
        folders = [path for path in manual_dir.iterdir() if path.is_dir() and not path.name.startswith(".")]
        found = {folder.name: pair_folders(folder / "images", folder / "masks") for folder in folders}
        problems = [problem for _, problems in found.values() for problem in problems]
        return {split: pairs for split, (pairs, _) in found.items()}, problems

    def read(self, pair):
        image, label = read_pair(pair, num_ids=len(self.info.metadata["class_paths"]))
        return pair.image.stem, {"image": image, "label": label, "file_name": pair.image.name}
'''

TREE = """human
\tperson
\trider
vehicle
\tcar
\tbus
sky
"""

TEST = '''"""Prepares NAME from two tiny images. Replace them by files like yours."""

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

import hierseg_keras as hs
from NAME import NAME_dataset_builder


def test_images_and_labels_are_those_of_the_files(tmp_path):
    for split in ("train", "validation"):
        for folder, mode in (("images", "RGB"), ("masks", "L")):
            path = tmp_path / "files" / split / folder
            path.mkdir(parents=True)
            # The masks hold the id 2, which is the third leaf of the tree.
            Image.new(mode, (6, 4), 2 if mode == "L" else (10, 20, 30)).save(path / "x.png")
    builder = NAME_dataset_builder.Builder(data_dir=tmp_path / "prepared")
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=tmp_path / "files"))
    for split in ("train", "validation"):
        [(image, label)] = hs.data.load(builder, split).as_numpy_iterator()
        np.testing.assert_array_equal(image[0], np.full((4, 6, 3), (10, 20, 30)))
        np.testing.assert_array_equal(label[0], np.full((4, 6), 2))
'''

_FILES = {"__init__.py": "", "NAME_dataset_builder.py": BUILDER, "tree.txt": TREE, "NAME_test.py": TEST}


def files_of(name):
    """Returns a dict from the names of the files to their texts, for a data set of this name."""
    return {file.replace("NAME", name): text.replace("NAME", name) for file, text in _FILES.items()}
