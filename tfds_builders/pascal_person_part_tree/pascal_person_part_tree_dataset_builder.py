"""PASCAL-Person-Part, six parts of persons and background, with a class tree."""

import dataclasses

import tensorflow_datasets as tfds
from etils import epath

from hierseg_keras.tree import ClassTree
from tfds_builders.pascal_person_part_tree.person_parts import read_person_parts
from tfds_builders.reading.check_labels import map_ids
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.find_folder import find_folder
from tfds_builders.reading.id_lists import listed_ids
from tfds_builders.reading.image_files import read_label, stored_image
from tfds_builders.reading.paired_images import pair_ids, read_pair
from tfds_builders.tree_builder import TreeBuilder
from tfds_builders.tree_features import tree_dataset_info

_VOID = 255
_NUM_CLASSES = 7
_ID_OF = {**{id_: id_ for id_ in range(_NUM_CLASSES)}, _VOID: _NUM_CLASSES}
_LISTS = {"train": "train_id.txt", "validation": "val_id.txt"}
_LIST_FOLDERS = ("pascal_person_part/pascal_person_part_trainval_list", "pascal_person_part_trainval_list")
_VOC_FOLDERS = ("", "VOCdevkit/VOC2010/", "VOC2010/", "VOCdevkit/VOC2012/", "VOC2012/")
_HOMEPAGE = "http://liangchiehchen.com/projects/DeepLab.html"


@dataclasses.dataclass(kw_only=True, eq=False)
class PascalPersonPartTreeConfig(tfds.core.BuilderConfig):
    """Selects a form of the annotations.

    Attributes:
        label_folders: Tuple of strings, possible folders of the annotations below `manual_dir`.
        label_suffix: String, the part of a file's name after the image's id.
        has_parts: Boolean, whether the files are annotations of PASCAL-Part. Otherwise they are label
            maps. Defaults to `False`.
    """

    label_folders: tuple
    label_suffix: str
    has_parts: bool = False


class Builder(TreeBuilder):
    """Builds PASCAL-Person-Part from its label maps, or from the annotations of PASCAL-Part."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        PascalPersonPartTreeConfig(
            name="released",
            label_folders=("pascal_person_part/pascal_person_part_gt", "pascal_person_part_gt", "SegmentationPart"),
            label_suffix=".png",
            description="The label maps of seven classes, as released.",
        ),
        PascalPersonPartTreeConfig(
            name="pascal_part",
            label_folders=("Annotations_Part", "trainval/Annotations_Part"),
            label_suffix=".mat",
            has_parts=True,
            description="Label maps made from the 24 parts of PASCAL-Part's persons.",
        ),
    ]
    published = {"train": 1716, "validation": 1817}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
Put these folders into `manual_dir`:

    JPEGImages/x.jpg           the images of PASCAL VOC 2010 or 2012, also as VOCdevkit/VOC2010/JPEGImages/x.jpg;
                               http://host.robots.ox.ac.uk/pascal/VOC/voc2010/
    pascal_person_part/        for the config `released`: pascal_person_part.zip of the DeepLab project, unpacked;
                               http://liangchiehchen.com/projects/DeepLab.html
        pascal_person_part_gt/x.png                               label maps, palette PNG, 0 .. 6 and 255 for void
        pascal_person_part_trainval_list/{train_id,val_id}.txt    the splits, one id x per line
    Annotations_Part/x.mat     for the config `pascal_part`: trainval.tar.gz of PASCAL-Part, unpacked;
                               https://roozbehm.info/pascal-parts/pascal-parts.html

`pascal_person_part_gt/` and `pascal_person_part_trainval_list/` may also be directly in `manual_dir`, and the label
maps in `SegmentationPart/`. Every file in the lists must exist. Without lists the published lists are used, restricted
to images that have annotations.
"""

    def _info(self):
        tree = ClassTree.load("pascal_person_part")
        last = "full-body" if self.builder_config.has_parts else None
        return tree_dataset_info(self, tree, [*tree.paths[: tree.num_leaves], last], homepage=_HOMEPAGE)

    def split_items(self, manual_dir):
        config = self.builder_config
        image_folders = [f"{folder}JPEGImages" for folder in _VOC_FOLDERS]
        images = find_folder(manual_dir, image_folders, self.MANUAL_DOWNLOAD_INSTRUCTIONS)
        labels = find_folder(manual_dir, config.label_folders, self.MANUAL_DOWNLOAD_INSTRUCTIONS)
        splits, problems = {}, []
        for split, name in _LISTS.items():
            places, list_problems = _listed(manual_dir, name, labels, config.label_suffix)
            pairs, pair_problems = pair_ids(places, images, labels, config.label_suffix)
            problems += list_problems + pair_problems
            if pairs:
                splits[split] = pairs
        if not splits:
            none_found = f"{labels}: expected <id>{config.label_suffix} of the published ids. Received: none"
            raise ImageFileError(problems or none_found)
        return splits, problems

    def read(self, pair):
        read = read_person_parts if self.builder_config.has_parts else _read_label_map
        image, label = read_pair(pair, len(self.info.metadata["class_paths"]), read)
        return pair.image.stem, {
            "image": stored_image(pair.image, image),
            "label": label,
            "file_name": pair.image.name,
        }


def _listed(manual_dir, name, labels, suffix):
    """Returns all ids of the user's own list, or the ids of the published list that have an annotation."""
    for folder in _LIST_FOLDERS:
        if (manual_dir / folder / name).exists():
            return listed_ids(manual_dir / folder / name)
    ids, _ = listed_ids(epath.Path(__file__).parent / name)
    return {id_: labels / f"{id_}{suffix}" for id_ in ids if (labels / f"{id_}{suffix}").exists()}, []


def _read_label_map(path):
    return map_ids(path, read_label(path), _ID_OF)
