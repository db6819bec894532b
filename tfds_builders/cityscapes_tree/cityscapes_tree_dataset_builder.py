"""Cityscapes' fine or coarse annotations with a class tree."""

import dataclasses

import numpy as np
import tensorflow_datasets as tfds

from hierseg_keras.tree import ClassTree
from tfds_builders.cityscapes_tree import class_ids, frames
from tfds_builders.reading import image_files
from tfds_builders.reading.check_labels import check_size
from tfds_builders.reading.paired_images import ImagePair, read_pair
from tfds_builders.tree_builder import TreeBuilder
from tfds_builders.tree_features import tree_dataset_info


@dataclasses.dataclass(kw_only=True, eq=False)
class CityscapesTreeConfig(tfds.core.BuilderConfig):
    """Selects the annotations, and how to read them.

    Attributes:
        coarse: Boolean, whether to read the coarse annotations, which `train_extra` has too and `test` does not.
            Defaults to `False`, the fine ones.
        untrained_as_category: Boolean, whether the classes that are not used in training, such as
            parking, are labeled with their category. Otherwise they mean "no label", as in the
            official evaluation. Defaults to `False`.
        with_instances: Boolean, whether examples have the feature `instances`, 16-bit instance ids.
            Defaults to `False`.
    """

    coarse: bool = False
    untrained_as_category: bool = False
    with_instances: bool = False


class Builder(TreeBuilder):
    """Builds Cityscapes from its folders, or from its archives without unpacking them."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        CityscapesTreeConfig(name="fine", description="The 19 classes used in training; other ids mean no label."),
        CityscapesTreeConfig(
            name="fine_categories",
            untrained_as_category=True,
            description="Ids that are not used in training mean their category, and no class below it.",
        ),
        CityscapesTreeConfig(
            name="fine_instances", with_instances=True, description="As `fine`, with the feature `instances`."
        ),
        CityscapesTreeConfig(name="coarse", coarse=True, description="The coarse annotations, read as `fine`."),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
Register at https://www.cityscapes-dataset.com, download `leftImg8bit_trainvaltest.zip` (11 GB) and
`gtFine_trainvaltest.zip` (241 MB), and put the archives into `manual_dir`, or unpack them there:

    leftImg8bit/{train,val,test}/<city>/<city>_<sequence>_<frame>_leftImg8bit.png
    gtFine/{train,val,test}/<city>/<city>_<sequence>_<frame>_gtFine_labelIds.png
    gtFine/{train,val,test}/<city>/<city>_<sequence>_<frame>_gtFine_instanceIds.png    for the config `fine_instances`

There is one split per folder that exists: train, val (`validation`) and test. A split needs images and labels: without
the images of test, whose labels hold no class, delete gtFine/test.

The config `coarse` reads `gtCoarse.zip` (1.3 GB) in place of gtFine, and `leftImg8bit_trainextra.zip` (44 GB) too, or

    leftImg8bit/train_extra/<city>/<city>_<sequence>_<frame>_leftImg8bit.png
    gtCoarse/{train,train_extra,val}/<city>/<city>_<sequence>_<frame>_gtCoarse_labelIds.png

It has one split per folder or archive of images that exists: train, train_extra and val (`validation`).
"""

    @property
    def published(self):
        if self.builder_config.coarse:
            return {"train": 2975, "train_extra": 19998, "validation": 500}
        return {"train": 2975, "validation": 500, "test": 1525}

    def _info(self):
        more_features = {}
        if self.builder_config.with_instances:
            more_features["instances"] = tfds.features.Image(
                shape=(None, None, 1), dtype=np.uint16, encoding_format="png"
            )
        return tree_dataset_info(
            self,
            ClassTree.load("cityscapes"),
            class_ids.class_paths(self.builder_config.untrained_as_category),
            more_features=more_features,
            homepage="https://www.cityscapes-dataset.com",
        )

    def split_items(self, manual_dir):
        annotations = frames.COARSE if self.builder_config.coarse else frames.FINE
        return frames.find_frames(manual_dir, annotations, self.builder_config.with_instances)

    def read(self, frame):
        image, label = read_pair(ImagePair(frame.image, frame.label), len(class_ids.CLASSES))
        example = {
            "image": image_files.stored_image(frame.image, image),
            "label": label,
            "file_name": frame.image.name,
        }
        if frame.instances is not None:
            example["instances"] = image_files.read_uint16(frame.instances)
            check_size(frame.instances, example["instances"], frame.image, image)
        return frame.image.name.removesuffix(frames.IMAGE), example
