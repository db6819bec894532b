"""Makes a data set for `data.load` from a folder of images and a folder of masks."""

import dataclasses
import functools
import itertools
import os
import typing
import warnings
from collections.abc import Mapping

from etils import epath

from hierseg_keras.data.argument_checks import check_arguments
from hierseg_keras.data.class_map import ClassMap
from hierseg_keras.data.colors import as_color
from hierseg_keras.data.mask_classes import mask_classes
from hierseg_keras.data.memory_labels import as_class_map
from hierseg_keras.data.prepare import prepare
from hierseg_keras.files.local_path import check_local
from hierseg_keras.messages.capped_list import capped
from hierseg_keras.tree import ClassTree, as_class_tree

if typing.TYPE_CHECKING:
    import tensorflow_datasets as tfds


# Formats whose masks hold numbers or colors, and whose own files name the classes.
_WITH_NUMBERED_CLASSES = ("coco_panoptic", "cvat")
# The id without a label in masks of leaf indices, and the number of masks in which it is searched for other ids.
_NO_LABEL, _SEARCHED_MASKS = 255, 8
_SHOWN_CLASSES = 20


def from_folders(
    images: str | os.PathLike,
    masks: str | os.PathLike,
    tree: ClassTree | str,
    classes: ClassMap | str | os.PathLike | Mapping | None = None,
    format: str | None = None,
    val_share: float = 0.1,
    val_images: str | os.PathLike | None = None,
    val_masks: str | os.PathLike | None = None,
    groups: str | os.PathLike | None = None,
    skip_bad: bool = False,
    data_dir: str | os.PathLike | None = None,
) -> "tfds.core.DatasetBuilder":
    """Prepares a data set of a folder of images and a folder of masks, which `data.load` accepts in place of a name.

    Images are PNG, JPEG and BMP files, in the folder or its subfolders. Each has a mask of the same name, in a
    subfolder of the same name. If the images or the masks are in no subfolders, the name alone counts. Sizes may differ
    between images. All files are decoded and checked once, and stored as records below `data_dir`. The next call finds
    the records, unless a file was added, removed or changed, or an argument changed: then they are made again. The
    files include those that say what masks stand for, such as the JSON file beside COCO's masks.

    The data set has the splits `train` and `validation`. Without `val_images`, the validation is a random share of the
    images that depends on their names alone: an image that is added does not move another one to the other split. If
    there are so few images that none is assigned to `validation`, the data set has only the split `train`, and
    `data.load(..., "validation")` raises an error that names a share that fills both splits.

    Args:
        images: Path of the folder of images.
        masks: Path of the folder of masks. It may be the same folder.
        tree: `ClassTree`, or its text.
        classes: Class table, which gives each class of the masks a node: a `data.ClassMap`, the path of its file, or a
            dict from class ids, colors or names to nodes. Defaults to `None`: the numbers of index masks are the leaf
            indices of the tree and 255 means "no label"; classes that have names, as in labelme, are nodes of the same
            name.
        format: Format of the masks: `"index"` (gray or palette PNG), `"colors"`, `"coco_panoptic"`, `"cvat"`,
            `"labelme"` or `"binary"` (one PNG per class). Defaults to `None`: it is inferred from the files.
        val_share: Float between 0 and 1, share of the images that `validation` gets. Defaults to 0.1.
        val_images, val_masks: Paths of folders for `validation`. Default to `None`: `val_share` of the images.
        groups: Images of one group, such as the frames of a video, are in the same split: a regular expression with one
            group, searched in the name without suffix, such as `r"^(.*)_\\d+$"`; or the path of a `.csv` file with one
            row `name,group` per image. `"(.+)"` makes every image a group of its own. Defaults to `None`: the images
            of a subfolder are a group.
        skip_bad: Boolean, whether to omit images and masks that cannot be used, and list them in `left_out.txt` beside
            the records, instead of raising an error. Defaults to `False`.
        data_dir: As in `data.prepare`.

    Returns:
        Prepared `tfds.core.DatasetBuilder`. `ClassTree.from_tfds(builder.info)` returns the tree.

    Raises:
        ValueError: If a folder is missing or empty, an image or a mask cannot be used or has no counterpart, masks hold
            a class that `classes` does not have, or names match ambiguously. The error lists the first 20 problems and
            names their files.
        TreeError: If a class of the masks has no node. The error lists all such classes.

    Example:

    >>> from PIL import Image
    >>> for folder in ("photos", "masks"):
    ...     os.mkdir(folder)
    >>> for number in range(4):
    ...     Image.new("RGB", (60, 40)).save(f"photos/street_{number}.jpg")
    ...     Image.new("L", (60, 40), number % 3).save(f"masks/street_{number}.png")
    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> streets = hs.data.from_folders("photos", "masks", tree, val_share=0.5, data_dir="prepared")
    >>> train = hs.data.load(streets, "train", training=True, crop_size=(32, 32), batch_size=1)
    >>> image, label = next(iter(train))
    >>> image.shape, label.shape
    (TensorShape([1, 32, 32, 3]), TensorShape([1, 32, 32]))
    """
    # Imported here because it imports TFDS.
    from tfds_builders.folders.folders_dataset_builder import Builder, FoldersConfig
    from tfds_builders.folders.named_pairs import images_below
    from tfds_builders.reading.file_problems import ImageFileError
    from tfds_builders.reading.folder_content import missing_folder
    from tfds_builders.reading.masks import find_masks

    check_arguments("data.from_folders", val_share=val_share)
    folders = {"images": images, "masks": masks, "val_images": val_images, "val_masks": val_masks}
    for folder in filter(None, folders.values()):
        check_local(folder)
    folders = {name: None if folder is None else os.path.abspath(folder) for name, folder in folders.items()}
    _check_folders(folders, groups)
    problems = [
        missing_folder(epath.Path(folder), name.removeprefix("val_")) for name, folder in folders.items() if folder
    ]
    if any(problems):
        raise ImageFileError(list(filter(None, problems)))
    tree = as_class_tree(tree)
    # The names in a dict are those that the masks declare, which are not known yet.
    has_names = hasattr(classes, "items") and not all(map(as_color, classes))
    table = classes if has_names else as_class_map(classes)
    names = None if table is None else _names(table)
    stems = list(images_below(folders["images"], folders["masks"])[0])
    find = functools.partial(find_masks, folders["masks"], stems=stems, classes=names)
    found = find(format)
    if not found.masks:
        raise ImageFileError(found.problems)
    if format is None and found.format == "index" and _are_colors_of(found, table):
        found = find("colors")
    if folders["val_masks"] and found.classes:
        stems = list(images_below(folders["val_images"], folders["val_masks"])[0])
        other = find_masks(folders["val_masks"], found.format, stems=stems, classes=names)
        if found.format in _WITH_NUMBERED_CLASSES:
            _check_same_classes(found, folders["masks"], other, folders["val_masks"])
        # A class may occur in the validation alone.
        found = dataclasses.replace(found, classes=tuple(dict.fromkeys([*found.classes, *other.classes])))
    config = FoldersConfig(
        **folders,
        tree=tree.to_text(),
        classes=mask_classes(found, table, tree, folders["masks"]),
        format=found.format,
        has_table=table is not None,
        val_share=float(val_share),
        groups=None if groups is None else os.fspath(groups),
        skip_bad=skip_bad,
    )
    builder = Builder(config=config, skip_bad=skip_bad, data_dir=data_dir)
    if table is None and found.format == "index":
        _warn_of_black_and_white(found, tree, folders["masks"])
    return prepare(builder)


def _warn_of_black_and_white(found, tree, folder):
    """Warns if the first masks hold 0 and 255 alone, as binary masks do, where 255 would mean no label."""
    from tfds_builders.reading.masks import count_masks

    first = dict(itertools.islice(found.masks.items(), _SEARCHED_MASKS))
    counts, _ = count_masks(first)
    # With more leaves, 255 is one of them.
    if counts.keys() == {0, _NO_LABEL} and tree.num_leaves <= _NO_LABEL:
        black, white = tree.names[:2] if tree.num_leaves > 1 else ("ignore", tree.names[0])
        warnings.warn(
            f"{folder}: without a class table, 255 means no label, and the first {len(first)} masks hold 0 and 255 "
            f"alone. If 255 is a class, pass a class table, or in Python `classes`, such as {{0: {black!r}, 255: "
            f"{white!r}}}.",
            stacklevel=3,
        )


def _are_colors_of(found, table):
    """Returns whether the colors in a table are those of the palettes of index masks, or gray as index masks are."""
    colors = [row[0] for row in table.rows] if getattr(table, "has_colors", False) else []
    is_gray = all(color[1:3] == color[3:5] == color[5:7] for color in colors)
    return bool(colors) and (bool(found.colors) or is_gray)


def _check_same_classes(found, folder, other, other_folder):
    """Raises `ValueError` if the masks of the validation declare a number or color for another class."""
    names = dict(found.classes)
    differing = [(id_, name) for id_, name in other.classes if names.get(id_, name) != name]
    if differing:
        listed = [f"{name} for {id_}, not {names[id_]}" for id_, name in differing]
        raise ValueError(
            f"{other_folder}: expected the classes of {folder}. Received: {', '.join(capped(listed, _SHOWN_CLASSES))}. "
            "Export both from one project."
        )


def _names(table):
    """Returns the names of the classes in a table."""
    if hasattr(table, "items"):
        return [key for key in table if isinstance(key, str)]
    return [name for _, name, *_ in table.rows if name]


def _check_folders(folders, groups):
    if (folders["val_images"] is None) != (folders["val_masks"] is None):
        raise ValueError(
            "`data.from_folders` expects `val_images` and `val_masks`, or neither. Received: "
            f"val_images={folders['val_images']!r}, val_masks={folders['val_masks']!r}."
        )
    if folders["val_images"] is not None and groups is not None:
        raise ValueError(
            "`data.from_folders` expects `groups` only if it divides the images itself. Received: `groups` and "
            "`val_images`. Omit one of them."
        )
    if folders["val_images"] is not None and _overlap(folders["images"], folders["val_images"]):
        raise ValueError(
            "`data.from_folders` expects folders of which none contains the other. Received: "
            f"images={folders['images']!r}, val_images={folders['val_images']!r}. Images of both would be trained on "
            "and validated. Pass separate folders, or omit `val_images` and `val_masks` to use `val_share` of the "
            "images."
        )


def _overlap(folder, other):
    paths = [os.path.realpath(path) for path in (folder, other)]
    return os.path.commonpath(paths) in paths
