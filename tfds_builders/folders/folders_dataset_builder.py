"""A folder of images and a folder of masks, with a class tree."""

import dataclasses
import functools
import warnings

import tensorflow_datasets as tfds
from etils import epath

from hierseg_keras.messages.capped_list import capped
from hierseg_keras.messages.quoted import quoted
from hierseg_keras.tree import ClassTree
from tfds_builders.folders.named_pairs import find_pairs
from tfds_builders.folders.preparations import preparation_name, warn_of_earlier
from tfds_builders.folders.same_images import same_images
from tfds_builders.folders.split_groups import few_for_validation, no_validation, split_names
from tfds_builders.reading.check_labels import check_size
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.image_files import read_image, stored_image
from tfds_builders.reading.masks import described_in, read_mask
from tfds_builders.tree_builder import TreeBuilder
from tfds_builders.tree_features import tree_dataset_info

WARNINGS = "warnings.txt"
_NAMED_IMAGES = 3
_SIZE_REMEDY = "Export the mask again in the size of the image, or resize it by nearest neighbor"


@dataclasses.dataclass(kw_only=True, eq=False)
class FoldersConfig(tfds.core.BuilderConfig):
    """Describes folders of images and masks. `hierseg_keras.data.from_folders` makes it.

    Attributes:
        images, masks: Paths of the folders.
        tree: Text of the tree.
        classes: Tuple of triples `(id, name, path)`, one per class: the number or color in the masks, or `None` if the
            format has names alone; the class's name; and the path of its node, or `None` if its pixels have no label.
            The position of a class is its stored id.
        format: Format of the masks, one of `tfds_builders.reading.masks.FORMATS`.
        has_table: Boolean, whether the user has a class table, for errors. Without one, `classes` are those that the
            masks and the tree imply.
        val_share: Float, share of the images that `validation` gets. Not used with `val_images`.
        val_images, val_masks: Paths of the folders of `validation`. Default to `None`.
        groups: As in `split_groups.group_names`.
        skip_bad: As in `TreeBuilder`. A preparation that omits files is another one than one that does not.
        name: Not passed: a hash of the options, and of the names, sizes and modification times of all files, including
            those beside the folders that describe the masks. A preparation is found by it, so that the data set is
            prepared again if any of them changes.
    """

    images: str
    masks: str
    tree: str
    classes: tuple
    format: str
    has_table: bool = True
    val_share: float = 0.1
    val_images: str | None = None
    val_masks: str | None = None
    groups: str | None = None
    skip_bad: bool = False
    name: str = ""

    def __post_init__(self):
        self.name = self.present_name()
        self.description = f"The images of {self.images} with the masks of {self.masks}."

    def present_name(self):
        """Returns the name for the present state of the files."""
        others = [path for path in (self.val_images, self.val_masks) if path]
        for masks in filter(None, (self.masks, self.val_masks)):
            others += described_in(masks, self.format)
        if self.groups and self.groups.lower().endswith(".csv"):
            others.append(self.groups)
        share = None if self.val_images else self.val_share
        options = [self.tree, self.classes, self.format, share, self.groups, self.skip_bad]
        return preparation_name(self.images, self.masks, others, options)


class Builder(TreeBuilder):
    """Builds a data set from a folder of images and a folder of masks.

    Its splits are `train` and `validation`; or `train` alone, if the share of the validation is so small that no image
    falls into it. Each state of the files has a preparation of its own. Earlier preparations of the same folders are
    named in a warning, and are not deleted. Warnings about the data are stored in `warnings.txt` beside the records,
    and repeated whenever the data set is used.

    Args:
        config: `FoldersConfig`.
        **options: As in `TreeBuilder`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    def __init__(self, *, config=None, **options):
        if not isinstance(config, FoldersConfig):
            raise ValueError(
                f"`folders` expects the folders of images and masks. Received: config={config!r}. Use "
                "`data.from_folders(images, masks, tree)`, or --images, --masks and --tree on the command line."
            )
        super().__init__(config=config, **options)
        self._warnings = []

    def _create_builder_config(self, config, version):
        # TFDS would log a warning with the whole text of every custom configuration.
        return config

    def _info(self):
        config = self.builder_config
        paths = [path for _, _, path in config.classes]
        return tree_dataset_info(self, ClassTree.from_text(config.tree), paths)

    def _source_dir(self, dl_manager):
        return epath.Path(self.builder_config.images)

    def download_and_prepare(self, **options):
        is_new = not self.is_prepared()
        super().download_and_prepare(**options)
        if is_new:
            warn_of_earlier(self.data_path.parent.parent, self.builder_config.name)
        path = self.data_path / WARNINGS
        for line in path.read_text("utf-8").splitlines() if path.exists() else ():
            warnings.warn(line, stacklevel=2)

    def _download_and_prepare(self, dl_manager, download_config):
        super()._download_and_prepare(dl_manager, download_config)
        if self.builder_config.present_name() != self.builder_config.name:
            raise ImageFileError(
                f"{self.builder_config.images}: expected files that do not change while they are read. Received: "
                "images or masks that changed. Prepare the data set again"
            )
        if self._warnings:
            (self.data_path / WARNINGS).write_text("".join(f"{line}\n" for line in self._warnings), "utf-8")

    def split_items(self, folder):
        config = self.builder_config
        pairs, problems = self._pairs
        if config.val_images:
            val_pairs, val_problems = find_pairs(config.val_images, config.val_masks, config.format, self._class_names)
            self._warnings = list(_warnings_of_same(pairs, val_pairs))
            return {"train": pairs, "validation": val_pairs}, problems + val_problems
        if not pairs or problems and not self._skip_bad:
            # The problems are raised before those of a division of what is left.
            return {"train": pairs, "validation": []}, problems
        by_name = {pair.name: pair for pair in pairs}
        divided = split_names(list(by_name), config.val_share, config.groups)
        few = few_for_validation(*divided, config.val_share)
        self._warnings = [f"{few}."] if few else []
        splits = zip(("train", "validation"), divided)
        return {split: [by_name[name] for name in names] for split, names in splits if names}, problems

    def missing_split(self, split):
        """Returns a sentence that says why there is no such split and what to do; or `None` if there is no reason."""
        config = self.builder_config
        if split != "validation" or split in self.info.splits or config.val_images:
            return None
        return no_validation([pair.name for pair in self._pairs[0]], config.val_share, config.groups)

    def read(self, pair):
        image = read_image(pair.image)
        label = read_mask(pair.mask, self._class_ids, self._above, self._remedy)
        check_size(pair.mask.path, label, pair.image, image, _SIZE_REMEDY)
        file_name = f"{pair.name}{pair.image.suffix}"
        return pair.name, {"image": stored_image(pair.image, image), "label": label, "file_name": file_name}

    @property
    def _remedy(self):
        """What to do about classes of masks that have no node."""
        config = self.builder_config
        if config.has_table:
            return (
                "Add a row per class to the class table, with a node or `ignore`. `hierseg classes --masks "
                f"{config.masks}` lists the classes of all masks"
            )
        rule = "the name of each class is that of a node"
        if config.format == "index":
            num_leaves = ClassTree.from_tfds(self.info).num_leaves
            rule = f"ids are the leaf indices of the tree, 0 .. {num_leaves - 1}, and 255 is no label"
        return (
            f"Without a class table, {rule}. `hierseg classes --masks {quoted(config.masks)} --tree TREE --out "
            "classes.csv` proposes a table, where TREE is the file of your tree. Complete it, and pass it as `classes`"
        )

    @functools.cached_property
    def _pairs(self):
        """The pairs of `images` and `masks`, and the problems of the files."""
        config = self.builder_config
        return find_pairs(config.images, config.masks, config.format, self._class_names)

    @property
    def _class_names(self):
        return [name for _, name, _ in self.builder_config.classes if name]

    @functools.cached_property
    def _class_ids(self):
        """The stored id of each key of `read_mask`."""
        ids = {}
        for stored_id, (id_, name, _) in enumerate(self.builder_config.classes):
            for key in (id_, name):
                if key is not None and key != "":
                    ids.setdefault(key, stored_id)
        return ids

    @functools.cached_property
    def _above(self):
        """For each class, the stored ids of its node and of the node's ancestors, for binary masks that overlap."""
        # The empty path stands for "no label".
        paths = {id_: path or "" for id_, (_, _, path) in enumerate(self.builder_config.classes)}
        return {
            id_: {i for i, above in paths.items() if path == above or above and path.startswith(f"{above}/")}
            for id_, path in paths.items()
        }


def _warnings_of_same(pairs, val_pairs):
    same = [f"{val_image} is {image}" for image, val_image in same_images(pairs, val_pairs)]
    if same:
        yield (
            f"{len(same)} of {len(val_pairs)} images of the validation are in the training too, so that the validation "
            f"scores are too good: {', '.join(capped(same, _NAMED_IMAGES))}. Remove them from one of the folders."
        )
