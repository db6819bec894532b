"""TFDS data sets that include their class tree. Importing the package registers all builders:

>>> import tensorflow_datasets as tfds
>>> import tfds_builders
>>> builder = tfds.builder("street_blocks")

Builders that read files are subclasses of `TreeBuilder` and have two more options:

>>> builder = tfds.builder("camvid_tree", skip_bad=True, use_beam=False)

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
from tfds_builders.street_blocks import street_blocks_dataset_builder

__all__ = [
    "camvid_tree_dataset_builder",
    "cityscapes_tree_dataset_builder",
    "folders_dataset_builder",
    "helen_tree_dataset_builder",
    "lip_tree_dataset_builder",
    "mapillary_vistas_tree_dataset_builder",
    "nyu_depth_v2_tree_dataset_builder",
    "pascal_person_part_tree_dataset_builder",
    "street_blocks_dataset_builder",
]
