"""TFDS data sets that include their class tree. Importing the package registers all builders:

>>> import tensorflow_datasets as tfds
>>> import tfds_builders
>>> builder = tfds.builder("street_blocks")

Builders that read files are subclasses of `TreeBuilder` and have two more options:

>>> builder = tfds.builder("camvid_tree", skip_bad=True, use_beam=False)

`TreeBuilder` and the functions here make a builder for other files short. `hierseg new-dataset NAME` writes one.

Each folder contains one complete data set in the layout of `tfds new`. `tfds build` works inside of it if
the packages that TFDS's command line imports (apache-beam, mlcroissant) are installed.
"""

from tfds_builders.camvid_tree import camvid_tree_dataset_builder
from tfds_builders.cityscapes_tree import cityscapes_tree_dataset_builder
from tfds_builders.folders import folders_dataset_builder
from tfds_builders.helen_tree import helen_tree_dataset_builder
from tfds_builders.lip_tree import lip_tree_dataset_builder
from tfds_builders.mapillary_vistas_tree import mapillary_vistas_tree_dataset_builder
from tfds_builders.nyu_depth_v2_tree import nyu_depth_v2_tree_dataset_builder
from tfds_builders.pascal_person_part_tree import pascal_person_part_tree_dataset_builder
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.image_files import read_image, read_label
from tfds_builders.reading.masks import FoundMasks, find_masks, read_mask
from tfds_builders.reading.paired_images import ImagePair, pair_folders, read_pair
from tfds_builders.street_blocks import street_blocks_dataset_builder
from tfds_builders.tree_builder import TreeBuilder
from tfds_builders.tree_features import tree_dataset_info

# The modules of the data sets.
DATA_SETS = (
    camvid_tree_dataset_builder,
    cityscapes_tree_dataset_builder,
    folders_dataset_builder,
    helen_tree_dataset_builder,
    lip_tree_dataset_builder,
    mapillary_vistas_tree_dataset_builder,
    nyu_depth_v2_tree_dataset_builder,
    pascal_person_part_tree_dataset_builder,
    street_blocks_dataset_builder,
)
__all__ = [
    "FoundMasks",
    "ImageFileError",
    "ImagePair",
    "TreeBuilder",
    "find_masks",
    "pair_folders",
    "read_image",
    "read_label",
    "read_mask",
    "read_pair",
    "tree_dataset_info",
]
