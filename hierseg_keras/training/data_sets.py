"""Finds the data sets that a configuration names."""

import os

from hierseg_keras import data
from hierseg_keras.training.config.checks import FOLDERS

_PATHS = ("images", "masks", "val_images", "val_masks", "classes")


def data_set(values, name, tree):
    """Returns a data set of a configuration, as `data.load` and `data.prepare` accept it.

    Args:
        values: The configuration's `data`.
        name: String, name of the data set.
        tree: `ClassTree` of the run.

    Returns:
        `name`; or for `folders`, the prepared builder of the configuration's folders of images and masks.
    """
    if name != FOLDERS:
        return name
    share = {} if values.val_share is None else {"val_share": values.val_share}
    return data.from_folders(
        values.images,
        values.masks,
        tree,
        classes=values.classes,
        format=values.mask_format,
        val_images=values.val_images,
        val_masks=values.val_masks,
        groups=values.groups,
        skip_bad=values.skip_bad,
        data_dir=values.data_dir,
        **share,
    )


def palette_of(values):
    """Returns the palette of a configuration's pictures, as `visualization.node_colors` accepts it.

    Without `palette`, it is the class table of the folders, if the table is there and has colors.
    """
    if values.palette is not None or values.classes is None or not os.path.isfile(values.classes):
        return values.palette
    table = data.ClassMap.from_file(values.classes)
    has_colors = table.has_colors or any(len(row) > 3 for row in table.rows)
    return table if has_colors else None


def absolute_folders(values):
    """Returns the folders and files of the data as absolute paths, so that a run is evaluated from anywhere."""
    paths = {key: getattr(values, key) for key in _PATHS}
    if values.groups is not None and values.groups.lower().endswith(".csv"):
        paths["groups"] = values.groups
    if values.palette is not None and os.path.isfile(values.palette):
        paths["palette"] = values.palette
    return {key: os.path.abspath(path) for key, path in paths.items() if path is not None}
