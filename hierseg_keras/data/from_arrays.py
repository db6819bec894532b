"""Makes a data set for `data.load` from arrays."""

import os
import typing
from collections.abc import Iterable, Mapping

import tensorflow as tf
from numpy.typing import ArrayLike

from hierseg_keras.data.array_examples import MAX_PROBLEMS, ArrayExamples
from hierseg_keras.data.class_map import ClassMap
from hierseg_keras.data.internal_labels import warn_of_internal_labels
from hierseg_keras.data.memory_labels import as_class_map
from hierseg_keras.messages.capped_list import capped
from hierseg_keras.tree import ClassTree, as_class_tree, check_ignore_class

if typing.TYPE_CHECKING:
    import tensorflow_datasets as tfds


def from_arrays(
    images: ArrayLike | Iterable[ArrayLike],
    labels: ArrayLike | Iterable[ArrayLike],
    tree: ClassTree | str,
    classes: ClassMap | str | os.PathLike | Mapping | None = None,
    ignore_class: int = 255,
    split: str = "train",
) -> "tfds.core.DatasetBuilder":
    """Makes a data set of arrays that `data.load` accepts in place of a name.

    The batches are those that `data.load` would make of the same images in files: the same crops, scales, horizontal
    flips and order, with `set_epoch`, and mixed with other data sets. The arrays are neither copied nor written to
    disk, and all of them are shuffled.

    The data set has one split. The argument `split` of `data.load` names it, or a part of it, such as `"train[:90%]"`.
    `data.load` without `training` returns the images in the order of the arrays. Do not change the arrays afterwards.

    Args:
        images: Uint8 array `(N, H, W, 3)`; or a list or iterator of arrays `(H, W, 3)`, `(H, W, 1)` or `(H, W)`, whose
            sizes may differ. A gray image gets three equal channels.
        labels: Integer array `(N, H, W)`, or a list or iterator of arrays `(H, W)` or `(H, W, 1)`: node indices of the
            tree, or the ids of `classes`, or its colors with a last axis of 3.
        tree: `ClassTree`, or its text.
        classes: `data.ClassMap`, the path of its file, or a dict from class ids or colors to nodes. Defaults to `None`:
            labels are node indices, that is, the leaves are 0 to `L - 1`, and `L` and above are internal nodes. A
            warning lists the internal nodes in the labels, because in many data sets the first number after the classes
            means "no label": pass `classes={0: ..., 11: "ignore"}` then. `dict(enumerate(tree.paths))` says that
            they are meant.
        ignore_class: Integer label of pixels without a label, outside of `[0, V)`. Only used without `classes`.
            Defaults to 255.
        split: String, name of the split. Defaults to `"train"`.

    Returns:
        `tfds.core.DatasetBuilder`, which `data.load`, `data.split_off` and `data.propose_class_map` accept.

    Raises:
        ValueError: If there are no images or not as many labels; an array has another shape or dtype; or a label is not
            a node, `ignore_class`, or an id of `classes`. The error gives the positions of the arrays.
        TreeError: If a class of `classes` has no node, or its node is not in the tree.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> images = [np.zeros((40, 60, 3), np.uint8), np.zeros((30, 30, 3), np.uint8)]
    >>> labels = [np.zeros((40, 60), int), np.full((30, 30), 2)]
    >>> source = hs.data.from_arrays(images, labels, tree)
    >>> train = hs.data.load(source, "train", training=True, crop_size=(32, 32), batch_size=2)
    >>> image, label = next(iter(train))
    >>> image.shape, label.shape
    (TensorShape([2, 32, 32, 3]), TensorShape([2, 32, 32]))

    In labels of the three leaves, 3 is the first internal node, `human`. Here it means "no label":

    >>> void = np.full((40, 60), 3)
    >>> classes = {0: "person", 1: "rider", 2: "sky", 3: "ignore"}
    >>> source = hs.data.from_arrays(images[:1], [void], tree, classes)
    >>> np.unique(next(iter(hs.data.load(source, "train")))[1]).tolist()
    [255]
    """
    # Imported here because it imports TFDS.
    from hierseg_keras.data.memory_builder import MemoryBuilder

    tree, classes = as_class_tree(tree), as_class_map(classes)
    ignore_class = check_ignore_class("data.from_arrays", tree, ignore_class)
    examples = ArrayExamples(images, labels, classes is not None and classes.has_colors)
    builder = MemoryBuilder("arrays", examples, split, tree, classes, ignore_class)
    problems = [_label_problem(builder, position, label) for position, label in enumerate(examples.labels)]
    problems = list(filter(None, problems))
    if problems:
        raise ValueError("\n".join(capped(problems, MAX_PROBLEMS)))
    if classes is None:
        warn_of_internal_labels("data.from_arrays", tree, examples.labels, ignore_class)
    return builder


def _label_problem(builder, position, label):
    """Returns what is wrong with the values of a label, or `None`."""
    place = tf.constant(f"`data.from_arrays`: example {position}")
    try:
        builder.to_stored_label(tf.convert_to_tensor(label), place)
    except ValueError as error:
        return str(error)
    return None
