"""Finds the data sets that a configuration names."""

import os
import pathlib

from hierseg_keras import data
from hierseg_keras.data.argument_checks import is_integer
from hierseg_keras.data.class_ids import node_of_class_id, nodes_of_pairs
from hierseg_keras.data.class_map import IGNORE
from hierseg_keras.data.class_names import class_names
from hierseg_keras.data.colors import as_color
from hierseg_keras.data.find_builder import find_builder
from hierseg_keras.data.node_table import MAX_CLASS_ID
from hierseg_keras.messages.quoted import quoted
from hierseg_keras.training.config.checks import FOLDERS
from hierseg_keras.training.manifest import CLASSES, TREE
from hierseg_keras.tree import ClassTree

# The result of `node_of_class_id` for an id that means "no label".
_NO_NODE = -1
_FOLDERS = ("images", "masks", "val_images", "val_masks")
_PATHS = (*_FOLDERS, "classes", "data_dir", "manual_dir")


class DataSets:
    """The data sets of a run. Each is prepared on first use, and its builder is kept.

    Preparing folders of images and masks searches all of their files, even if the records exist already. On a network
    disk, this takes minutes. Each training, evaluation or report therefore creates one `DataSets` and passes it on.
    Nothing is kept for the next one, because the files may have changed by then.

    Args:
        values: The configuration's `data`.
        tree: `ClassTree` of the run.
    """

    def __init__(self, values, tree):
        self.values, self.tree = values, tree
        self._builders = {}

    def builder(self, name):
        """Returns the prepared builder of a data set.

        Args:
            name: String, name of a TFDS data set; or `folders`, for the configuration's folders of images and masks.

        Raises:
            ValueError: If `name` is `folders` and the configuration has none.
        """
        if name not in self._builders:
            self._builders[name] = self._prepared(name)
        return self._builders[name]

    def source(self, name):
        """Returns a data set as `data.load` accepts it.

        Args:
            name: As in `builder`.

        Returns:
            `name`, so that errors show it as the configuration does; or for `folders`, the builder.
        """
        return self.builder(name) if name == FOLDERS else name

    def for_run(self, values, tree):
        """Returns the data sets of another run: `self` if its folders and its tree are the same, else a new object.

        Args:
            values, tree: As in `DataSets`.
        """
        is_same = tree == self.tree and _places(values) == _places(self.values)
        return self if is_same else DataSets(values, tree)

    def _prepared(self, name):
        values = self.values
        if name != FOLDERS:
            return data.prepare(name, values.data_dir, values.manual_dir)
        if values.images is None:
            raise ValueError(
                f"`dataset` expects a data set other than {FOLDERS} for a run without folders of images and masks. "
                f"Received: {FOLDERS}. Evaluate your own images in Python: `load_run`, and then `model.evaluate` on "
                '`data.load(data.from_folders(images, masks, model.tree), "validation")`.'
            )
        return data.from_folders(tree=self.tree, **_folder_options(values))


def _folder_options(values):
    """Returns the options of `data.from_folders`, without the tree."""
    share = {} if values.val_share is None else {"val_share": values.val_share}
    same = {key: getattr(values, key) for key in (*_FOLDERS, "classes", "groups", "skip_bad", "data_dir")}
    return {**same, **share, "format": values.mask_format}


def _places(values):
    """Returns the values that determine the files of a data set, and the folder of its records."""
    return values.manual_dir, _folder_options(values)


def check_outside(values, out):
    """Checks that results do not go into a folder of images or masks.

    Args:
        values: The configuration's `data`.
        out: Path of the folder of results.

    Raises:
        ValueError: If the folder is or lies in one of them.
    """
    for key in _FOLDERS:
        folder = getattr(values, key)
        if folder is not None and pathlib.Path(out).resolve().is_relative_to(pathlib.Path(folder).resolve()):
            raise ValueError(
                f"`out` expects a folder outside of `{key}`, where the pictures of results would count as images. "
                f"Received: {out}, inside of {folder}. Choose another folder."
            )


def class_table(data_sets, name):
    """Returns the ids in the label maps of a data set.

    Args:
        data_sets: `DataSets`.
        name: String, name of one of them.

    Returns:
        `ClassMap`. The ids of folders of masks are those that the masks hold, numbers or colors. If the format of the
        masks has names alone, the classes are numbered from 0.
    """
    values, tree = data_sets.values, data_sets.tree
    if name == FOLDERS:
        return _mask_table(values, data_sets.builder(name).builder_config.classes)
    names = class_names(find_builder(name, values.data_dir).info)
    nodes = node_of_class_id(tree, names, _NO_NODE).tolist()
    rows = [(id_, path or "", _node_of(tree, node)) for id_, (path, node) in enumerate(zip(names, nodes))]
    return data.ClassMap(rows, source=name)


def load_class_table(folder, config, tree):
    """Returns the ids in the label maps of the data set that a run was validated on.

    Args:
        folder: Path of the run.
        config: Its `RunConfig`.
        tree: Its `ClassTree`.

    Returns:
        `ClassMap`, as from `class_table`.

    Raises:
        ValueError: If the run is of an earlier version, which did not store the ids of folders of masks.
    """
    path = pathlib.Path(folder, CLASSES)
    if path.is_file():
        return data.ClassMap.from_file(path)
    if config.evaluation_dataset == FOLDERS:
        raise ValueError(
            f"`ids` expects a class table for a run of an earlier version. Received: dataset for {folder}, which does "
            f"not store the ids of its masks. `hierseg classes --masks {quoted(config.data.masks)} --tree "
            f"{quoted(pathlib.Path(folder, TREE))} --out classes.csv` proposes a table: complete it, and pass its path."
        )
    return class_table(DataSets(config.data, tree), config.evaluation_dataset)


def flip_pairs_of(values, tree):
    """Returns the flip pairs of a configuration, or else of all data sets to train on, without repetitions.

    Args:
        values: The configuration's `data`.
        tree: `ClassTree`.
    """
    if values.flip_pairs is not None:
        return [tuple(map(tree.index, pair)) for pair in values.flip_pairs]
    found = []
    # Folders declare none.
    for name in dict.fromkeys(name for name in values.names if name != FOLDERS):
        # Not prepared, because predictions need no images of the training.
        pairs = data.flip_pairs(name, values.data_dir)
        paths = class_names(find_builder(name, values.data_dir).info) if pairs else []
        nodes = dict(enumerate(node_of_class_id(tree, paths, _NO_NODE).tolist()))
        found += nodes_of_pairs(tree, pairs, paths, nodes)
    return list(dict.fromkeys(found))


def palette_of(values, folder=None):
    """Returns the palette of a configuration's pictures, as `visualization.node_colors` accepts it.

    Without `palette`, it is the class table of the folders, if there is one and it has colors.

    Args:
        values: The configuration's `data`.
        folder: Path of the run, whose copy of the class table is used before the user's own. Defaults to `None`.
    """
    if values.palette is not None or values.classes is None:
        return values.palette
    for path in (*([] if folder is None else [os.path.join(folder, CLASSES)]), values.classes):
        if os.path.isfile(path):
            table = data.ClassMap.from_file(path)
            if table.has_colors or any(len(row) > 3 for row in table.rows):
                return table
    return None


def absolute_folders(values):
    """Returns the folders and files of the data as absolute paths, so that a run is evaluated from anywhere."""
    paths = {key: getattr(values, key) for key in _PATHS}
    if values.groups is not None and values.groups.lower().endswith(".csv"):
        paths["groups"] = values.groups
    # These may also be names.
    for key in ("palette", "tree"):
        value = getattr(values, key)
        is_name = key == "tree" and value in ClassTree.available()
        if value is not None and not is_name and os.path.isfile(value):
            paths[key] = value
    return {key: _absolute(path) for key, path in paths.items() if path is not None}


def _absolute(path):
    # An address such as gs://bucket is no path.
    return path if "://" in path else os.path.abspath(path)


def _mask_table(values, classes):
    """Makes a `ClassMap` of the classes of a `FoldersConfig`, with the colors of the user's table, if it has any."""
    colors = [""] * len(classes)
    if values.classes is not None:
        drawn = [row[3] if len(row) > 3 else "" for row in data.ClassMap.from_file(values.classes).rows]
        colors = drawn if len(drawn) == len(classes) else colors
    rows = [(id_, name, path or IGNORE, color) for (id_, name, path), color in zip(classes, colors)]
    # Classes that have names alone are known by these, or by nothing. A table may have numbered the rest.
    is_named = any(isinstance(id_, str) and not as_color(id_) for id_, *_ in rows)
    if is_named or not any(is_integer(id_) or as_color(id_) for id_, *_ in rows):
        return data.ClassMap([(number, *row[1:]) for number, row in enumerate(rows)], source=values.masks)
    # Pixels that were not annotated have no id. A larger id does not fit into a PNG file.
    colored = [row for row in rows if as_color(row[0])]
    numbered = [row for row in rows if is_integer(row[0]) and row[0] <= MAX_CLASS_ID]
    return data.ClassMap(colored or numbered, source=values.masks)


def _node_of(tree, node):
    return IGNORE if node == _NO_NODE else tree.paths[node]
