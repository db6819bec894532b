"""Makes a data set for `data.load` from a `tf.data.Dataset`."""

import os
import typing
from collections.abc import Mapping

import tensorflow as tf

from hierseg_keras.data.class_map import ClassMap
from hierseg_keras.data.dataset_examples import DatasetExamples
from hierseg_keras.data.internal_labels import warn_of_internal_labels
from hierseg_keras.data.memory_labels import as_class_map
from hierseg_keras.tree import ClassTree, as_class_tree, check_ignore_class

if typing.TYPE_CHECKING:
    import tensorflow_datasets as tfds


def from_dataset(
    dataset: tf.data.Dataset,
    tree: ClassTree | str,
    classes: ClassMap | str | os.PathLike | Mapping | None = None,
    ignore_class: int = 255,
    split: str = "train",
) -> "tfds.core.DatasetBuilder":
    """Makes a data set of a `tf.data.Dataset` that `data.load` accepts in place of a name.

    The batches are those that `data.load` would make of the same images in files. The examples are streamed. A data set
    of at most 250 MiB is cached, like one in files. Of a larger one, `shuffle_buffer` examples are in memory; if it is
    mixed with other data sets, all examples are, as PNG files. Every pass must yield the same examples in the same
    order, so do not shuffle `dataset`: `data.load` does it.

    The data set has one split. The argument `split` of `data.load` names it, or a part of it, such as `"train[:90%]"`;
    the examples before this part are drawn and dropped. `data.load` without `training` keeps the order.

    Args:
        dataset: Finite `tf.data.Dataset` of pairs `(image, label)`, without batches: uint8 images `(H, W, 3)`,
            `(H, W, 1)` or `(H, W)`, and integer labels as in `data.from_arrays`. Sizes may differ. If `dataset` does
            not know its number of examples, they are counted in a first pass; `tf.data.experimental.assert_cardinality`
            avoids it.
        tree: `ClassTree`, or its text.
        classes, ignore_class, split: As in `data.from_arrays`. Only the first eight labels are searched for internal
            nodes to warn of.

    Returns:
        `tfds.core.DatasetBuilder`, which `data.load`, `data.split_off` and `data.propose_class_map` accept.

    Raises:
        TypeError: If `dataset` is not a `tf.data.Dataset`.
        ValueError: If it is infinite or empty, or its elements have another shape or dtype.
        TreeError: As from `data.from_arrays`.
        tf.errors.InvalidArgumentError: While `data.load` draws batches, if a label is not a node, `ignore_class` or an
            id of `classes`, or an image and its label differ in size. The error gives the position of the example.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> examples = tf.data.Dataset.from_tensors((np.zeros((40, 60, 3), np.uint8), np.zeros((40, 60), np.int32)))
    >>> source = hs.data.from_dataset(examples, tree)
    >>> image, label = next(iter(hs.data.load(source, "train", batch_size=1)))
    >>> image.shape, label.shape
    (TensorShape([1, 40, 60, 3]), TensorShape([1, 40, 60]))
    """
    # Imported here because it imports TFDS.
    from hierseg_keras.data.memory_builder import MemoryBuilder

    tree, classes = as_class_tree(tree), as_class_map(classes)
    ignore_class = check_ignore_class("data.from_dataset", tree, ignore_class)
    examples = DatasetExamples(dataset, classes is not None and classes.has_colors)
    if classes is None:
        warn_of_internal_labels("data.from_dataset", tree, examples.first_labels, ignore_class)
    return MemoryBuilder("dataset", examples, split, tree, classes, ignore_class)
