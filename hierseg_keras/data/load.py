"""Loads TFDS data sets as batches of images and node labels."""

import functools
import json
import os
import typing
import warnings
from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf

from hierseg_keras.data import augmentation, photometric_distortion
from hierseg_keras.data.argument_checks import check_arguments
from hierseg_keras.data.batch_part import own_examples, with_blank_rows
from hierseg_keras.data.check_sources import check_sources, levels_of
from hierseg_keras.data.class_map import ClassMap
from hierseg_keras.data.data_set_name import data_set_name
from hierseg_keras.data.epoch_counter import EpochCounter
from hierseg_keras.data.prepare import prepare
from hierseg_keras.data.record_files import RecordFiles
from hierseg_keras.data.source import Source
from hierseg_keras.data.training_order import TrainingOrder
from hierseg_keras.images.padding import PADDING_COLOR
from hierseg_keras.tree import ClassTree, as_class_tree, check_ignore_class
from hierseg_keras.tree.class_tree import Node

if typing.TYPE_CHECKING:
    import tensorflow_datasets as tfds

# How many batches are ready before they are asked for.
_PREFETCHED = 2


def load(
    name: "str | tfds.core.DatasetBuilder | Sequence[str | tfds.core.DatasetBuilder]",
    split: str | Sequence[str],
    training: bool = False,
    tree: ClassTree | str | None = None,
    batch_size: int = 8,
    size: int | tuple[int, int] | None = None,
    crop_size: tuple[int, int] | None = None,
    scale_range: tuple[float, float] | None = (0.5, 2.0),
    flip: bool = True,
    seed: int = 0,
    shuffle_buffer: int = 1000,
    ignore_class: int = 255,
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
    weights: Sequence[float] | None = None,
    class_maps: Mapping[str, ClassMap | str | os.PathLike | Mapping] | None = None,
    unmapped: str = "error",
    features: Mapping[str, Sequence[str]] | None = None,
    flip_pairs: Iterable[tuple[Node, Node]] | None = None,
    max_depth: float | None = None,
    initial_epoch: int = 0,
    batch_shares: Sequence[int] | None = None,
    label_levels: int | Sequence[int] = 1,
    batch_part: tuple[int, int] | None = None,
    max_class_share: float | None = None,
    distort_colors: bool = False,
) -> tf.data.Dataset:
    """Loads a split of one or several TFDS data sets as batches of images and node labels.

    A data set that is not prepared yet is prepared first. With `training=True`, each epoch shuffles the images, scales
    each by a random factor, cuts out a random crop and flips it horizontally with probability 1/2. A last partial batch
    is dropped. Otherwise whole images come in order, and the images of a batch are padded to the size of the largest.
    Label maps are never interpolated. Padding is labeled `ignore_class`.

    Training batches depend only on `seed` and the number of the epoch. They do not depend on batches drawn before, or
    on TensorFlow's global seed. Each pass over the data set is one epoch, counted from `initial_epoch`. The method
    `set_epoch(n)` of the returned data set makes the next pass epoch `n`. The callback `data.SetEpoch` calls it before
    every epoch of `fit`: a run resumed in a new process then sees the same batches as an uninterrupted run. To resume
    in the middle of an epoch, `set_epoch(n, first_batch=k)` begins the pass with batch `k`, counted from 0, without
    decoding the batches before it. They come at the end of the pass.

    A data set without a tree, such as those that ship with TFDS, needs a class table. It gives the node of each class
    id or color in the label maps. A class table can also replace the classes of a data set that has another tree than
    `tree`. The data set need not be prepared again.

    Several data sets may differ in the number and granularity of their classes. In training, each image is drawn from
    one of them, chosen at random in proportion to `weights`. With `batch_shares`, every batch has a fixed number of
    images of each. A data set that is exhausted starts again in a new order. An epoch has as many images as all splits
    together. Without `training`, the data sets follow one another.

    Args:
        name: String, name of a TFDS data set, such as `"street_blocks"`, `"camvid_tree"` or
            `"cityscapes/semantic_segmentation"`; or a builder, such as `data.from_folders`, `data.from_arrays` and
            `data.from_dataset` return; or a list of names and builders. A data set may occur several times, with
            different splits.
        split: String, TFDS split, such as `"train"` or `"train[:10%]"`; or a list with one split per data set.
        training: Boolean, whether to shuffle, augment, and drop a last partial batch. Defaults to `False`.
        tree: `ClassTree`, or its text. Class ids are mapped to its nodes. Defaults to the data sets' own tree.
        batch_size: Integer, images per batch, over all replicas as in Keras. Defaults to 8.
        size: Pair `(H, W)` in pixels to which every image is resized first; or an integer, the new length of the
            shorter side. Defaults to `None`: images keep their size.
        crop_size: Pair `(H, W)` in pixels, size of the training crops. Defaults to `size` if that is a pair.
        scale_range: Pair of floats, the smallest and the largest factor of the random scale. Defaults to the papers'
            `(0.5, 2.0)`. `None` means no random scale.
        flip: Boolean, whether to flip horizontally at random. A flip also swaps the labels in `flip_pairs`. Defaults to
            `True`.
        seed: Integer, seed of order and augmentation. Defaults to 0.
        shuffle_buffer: Integer, number of encoded images in the shuffle buffer of a data set of more than 250 MiB.
            A smaller one is cached in memory, and all of its images are shuffled. Defaults to 1000.
        ignore_class: Integer label of pixels without a label, outside of `[0, V)`. Defaults to 255.
        data_dir, manual_dir: As in `data.prepare`. A builder has its own `data_dir`.
        weights: List of positive floats, one per data set: how often to draw from it, relative to the others. Defaults
            to the data sets' numbers of images.
        class_maps: Dict from a data set's name (a builder's: `"name"` or `"name/config"`) to its class table: a
            `data.ClassMap`, the path of its file, or a dict from class ids, names or colors to nodes (a path or name,
            or `"ignore"`). It applies to every occurrence of the name.
        unmapped: `"error"` (the default) raises an error for classes that a class table gives no node. `"ignore"`
            labels their pixels `ignore_class`.
        features: Dict from a data set's name to the names of its image and label features, such as
            `{"lost_and_found/full": ("image_left", "segmentation_label")}`. Needed only if they cannot be inferred.
        flip_pairs: List of pairs of nodes to swap in a flipped image. Defaults to the pairs that each data set
            declares.
        max_depth: Float, depth in meters. If given, the data set's `depth` becomes a fourth channel of the image. It is
            255 at `max_depth` and beyond, as `models.SAGate(depth_channels=1)` takes it. Defaults to `None`: images
            have three channels.
        initial_epoch: Integer, number of the first training epoch. Defaults to 0.
        batch_shares: List of positive integers, one per data set, whose sum is `batch_size`: how many images of each
            data set a training batch has. The images of a data set have the same, interleaved positions in every batch,
            so that replicas get nearly equal shares. Excludes `weights`. Defaults to `None`: images are drawn by
            `weights`.
        label_levels: Integer, or a list with one integer per data set: the finest level of the labels. At level `l`,
            every node deeper than `D - l + 1` is replaced by its ancestor at this depth, and other labels stay. This
            applies to training and evaluation. Defaults to 1, the finest level, which changes nothing.
        batch_part: Pair `(i, n)`, for process `i` of `n` that share every batch: the batches contain part `i` of `n`
            equal parts, `batch_size / n` consecutive images. Images of other parts are read but not decoded, unless
            `training` is false and images differ in size. Without `training`, blank images, whose pixels are labeled
            `ignore_class`, fill the last batch. Defaults to `None`: whole batches.
        max_class_share: Float between 0 and 1. A training crop is redrawn if one class fills at least this share of its
            labeled pixels. After ten crops in all, the last one is used. The code released with HSSN uses 0.75.
            Defaults to `None`: every crop is used.
        distort_colors: Boolean, whether to change brightness, contrast, saturation and hue of training crops at
            random, as the code released with HSSN does. Defaults to `False`.

    Returns:
        `tf.data.Dataset` of pairs `(image, label)`. `image` is float32 `(B, H, W, 3)` in 0 .. 255, or `(B, H, W, 4)`
        with depth. `label` is int32 `(B, H, W)`: node indices of the tree, or `ignore_class`. Gray images get three
        equal channels, and 16-bit values are divided by 257. The option `autotune.enabled` is off: the number of
        images decoded in parallel is the number of cores, at most 16. A training data set has the method
        `set_epoch(n, first_batch=0)`. A data set for evaluation with `batch_part` has the attribute `num_blank`, the
        number of blank images in the whole last batch.

    Raises:
        ValueError: If there is no such data set or split, an argument does not have the type or range above, a file
            of the data set is missing or truncated, the training split does not fill one batch, or arguments
            contradict each other, such as `batch_shares` whose sum is not `batch_size`.
        TreeError: If the data set has a class that is not in the tree, or that is unmapped; or if `tree` is `None` and
            the data set has no tree.
        tf.errors.InvalidArgumentError: While batches are drawn, if a label map holds an unknown id or color, an image
            and its label map differ in size, or a record is damaged. The error names the record or file.

    Example:

    >>> train = hs.data.load("street_blocks", "train", training=True, crop_size=(96, 128))
    >>> image, label = next(iter(train))
    >>> image.shape, label.shape
    (TensorShape([8, 96, 128, 3]), TensorShape([8, 96, 128]))

    A tenth of the images with all labels, the others with labels no finer than level 2; two and six per batch:

    >>> train = hs.data.load(
    ...     ["street_blocks", "street_blocks"], ["train[:10%]", "train[10%:]"], training=True, crop_size=(96, 128),
    ...     batch_shares=[2, 6], label_levels=[1, 2],
    ... )
    >>> _, label = next(iter(train))
    >>> tree = hs.ClassTree.load("street_blocks")
    >>> finest = np.flatnonzero(tree.depths == tree.num_levels)
    >>> np.isin(label, finest).any(axis=(1, 2)).tolist()
    [False, True, False, False, False, True, False, False]
    """
    sizes = {"batch_size": batch_size, "size": size, "crop_size": crop_size, "scale_range": scale_range}
    draws = {"seed": seed, "shuffle_buffer": shuffle_buffer, "initial_epoch": initial_epoch, "flip": flip}
    by_name = {"class_maps": class_maps, "features": features}
    by_source = {"weights": weights, "batch_shares": batch_shares, "label_levels": label_levels}
    others = {"training": training, "unmapped": unmapped, "flip_pairs": flip_pairs, "max_depth": max_depth}
    others |= {"batch_part": batch_part, "max_class_share": max_class_share, "distort_colors": distort_colors}
    check_arguments("data.load", **sizes, **draws, **by_name, **by_source, **others)
    given = list(name) if isinstance(name, (list, tuple)) else [name]
    names = [data_set_name(each) for each in given]
    splits = list(split) if isinstance(split, (list, tuple)) else [split] * len(names)
    check_sources(names, splits, batch_size, by_name, **by_source)
    batch_part = _checked_batch_part(batch_part, batch_size)
    size, crop_size = _plain(size), _plain(crop_size)
    scale_range = None if scale_range is None else tuple(map(float, scale_range))
    if training:
        crop_size = _checked_crop_size(crop_size, size)
    builders = [prepare(each, data_dir=data_dir, manual_dir=manual_dir) for each in given]
    tree = _common_tree(names, builders) if tree is None else as_class_tree(tree)
    ignore_class = check_ignore_class("data.load", tree, ignore_class)
    sources = []
    for name, builder, level in zip(names, builders, levels_of(label_levels, len(names), tree)):
        options = ((class_maps or {}).get(name), unmapped, (features or {}).get(name), flip_pairs, max_depth, level)
        sources.append(Source(builder, name, tree, ignore_class, *options))
    if training and flip:
        _warn_of_undeclared_pairs(sources)
    files = [_records_of(builder, split) for builder, split in zip(builders, splits)]
    if not training:
        padding = (PADDING_COLOR, ignore_class)
        if batch_part is None:
            return _prefetched(_in_order(sources, files, size).padded_batch(batch_size, padding_values=padding))
        return _part_in_order(sources, files, size, batch_size, padding, batch_part)

    order = TrainingOrder(sources, files, weights, shuffle_buffer, int(seed), batch_shares)
    if order.num_examples < batch_size:
        raise ValueError(
            f"`data.load` expects at least one full batch in training. Received: batch_size={batch_size}, and "
            f"{order.num_examples} images in {splits} of {names}. Pass a smaller `batch_size`."
        )

    def draw(source, source_files, example):
        image, values = source.decode(source_files.fetch(example), size)
        crop = augmentation.draw_crop(tf.shape(image)[:2], example["seed"], scale_range, crop_size, flip)
        if max_class_share is not None:

            def share_of_label(crop):
                label = source.to_nodes(augmentation.cut_label(values, crop), example)
                return augmentation.largest_share(label, ignore_class, tree.num_nodes)

            crop = augmentation.redraw_crop(crop, example["seed"], crop_size, share_of_label, max_class_share)
        image, values = augmentation.cut(image, values, crop)
        if distort_colors:
            image = photometric_distortion.distort(image, example["seed"])
        label = source.to_nodes(values, example, crop.mirrored)
        image, label = augmentation.pad(image, label, crop, ignore_class)
        return tf.ensure_shape(image, (*crop_size, None)), tf.ensure_shape(label, (*crop_size, 1))

    def draw_from_its_source(example):
        branches = [functools.partial(draw, *pair, example) for pair in zip(sources, files)]
        return branches[0]() if len(branches) == 1 else tf.switch_case(example["source"], branches)

    num_batches = order.num_examples // batch_size
    epochs = EpochCounter(int(initial_epoch), num_batches)
    # A pass gets its number when its first example is drawn, which Keras does after `on_epoch_begin`.
    examples = tf.data.Dataset.range(1).flat_map(lambda _: _pass(order, batch_size, num_batches, *epochs.begin_pass()))
    examples = examples.apply(tf.data.experimental.assert_cardinality(num_batches * batch_size))
    if batch_part is not None:
        examples = own_examples(examples, batch_part, batch_size)
        batch_size //= batch_part[1]
    drawn = examples.map(draw_from_its_source, tf.data.AUTOTUNE)
    dataset = _prefetched(drawn.map(_without_channel).batch(batch_size, drop_remainder=True))
    dataset.set_epoch = epochs.set
    return dataset


def _warn_of_undeclared_pairs(sources):
    """Warns of data sets with left and right classes that do not say which of them a horizontal flip swaps."""
    names = [source.name for source in sources if source.undeclared_pairs]
    if names:
        pairs = next(source.undeclared_pairs for source in sources if source.undeclared_pairs)
        warnings.warn(
            f"`data.load` flips images at random, and {', '.join(dict.fromkeys(names))} does not declare which classes "
            f"a flip swaps. Pass them, such as flip_pairs={pairs[:1]}, or flip=False. On the command line, that is "
            f"--data.flip_pairs '{json.dumps(pairs[:1])}' or --data.flip false.",
            stacklevel=3,
        )


def _pass(order, batch_size, num_batches, epoch, first_batch):
    """Returns the examples of an epoch from a batch on. Those before it follow, so that the number stays the same."""
    examples, count = order.epoch(epoch).take(num_batches * batch_size), first_batch * batch_size
    return examples.skip(count).concatenate(examples.take(count))


def _records_of(builder, split):
    """Returns the records of a split. A data set in memory has a method for it."""
    return builder.records(split) if hasattr(builder, "records") else RecordFiles(builder, split)


def _plain(size):
    """Returns a size as a Python integer or a tuple of them."""
    return tuple(map(int, size)) if hasattr(size, "__len__") else size if size is None else int(size)


def _checked_crop_size(crop_size, size):
    crop_size = crop_size or size
    if crop_size is None or isinstance(crop_size, int):
        raise ValueError(
            f"`data.load` expects `crop_size`, a pair (height, width), in training. Received: crop_size={crop_size}."
        )
    return crop_size


def _checked_batch_part(batch_part, batch_size):
    if batch_part is None:
        return None
    index, parts = map(int, batch_part)
    if batch_size % parts:
        raise ValueError(
            f"`data.load` expects a `batch_size` that is a multiple of the number of parts ({parts}). Received: "
            f"batch_size={batch_size}. Pass {batch_size + -batch_size % parts}."
        )
    return index, parts


def _common_tree(names, builders):
    trees = [ClassTree.from_tfds(builder.info) for builder in builders]
    if any(tree != trees[0] for tree in trees):
        raise ValueError(
            f"`data.load` expects a `tree`, because the data sets have different trees. Received: tree=None with "
            f"{names}. Pass a tree that holds the classes of all of them."
        )
    return trees[0]


def _in_order(sources, files, size, select=lambda examples, first: examples):
    """Returns the decoded examples of all sources, one after the other, of which `select` chooses some."""

    def decode(source, source_files, example):
        image, values = source.decode(source_files.fetch(example), size)
        return tf.cast(image, tf.float32), source.to_nodes(values, example)

    parts, first = [], 0
    for source, source_files in zip(sources, files):
        examples = select(source_files.read(source.parse), first)
        parts.append(examples.map(functools.partial(decode, source, source_files), tf.data.AUTOTUNE))
        first += source_files.num_records
    return functools.reduce(lambda one, next_: one.concatenate(next_), parts).map(_without_channel)


def _part_in_order(sources, files, size, batch_size, padding, batch_part):
    """Returns a part of every batch. The last batch is filled with blank images."""
    index, parts = batch_part
    length, num_blank = batch_size // parts, -sum(part.num_records for part in files) % batch_size
    if isinstance(size, tuple):
        select = functools.partial(own_examples, batch_part=batch_part, batch_size=batch_size)
        examples = _in_order(sources, files, size, lambda examples, first: select(examples, first=first))
        num_batches = -(-sum(part.num_records for part in files) // batch_size)
        channels = examples.element_spec[0].shape[-1]
        blank = tf.fill((*size, channels), float(padding[0])), tf.fill(size, padding[1])
        blanks = tf.data.Dataset.from_tensors(blank).repeat(num_batches * length - len(examples))
        batches = examples.concatenate(blanks).batch(length)
    else:
        # Images are padded to the largest of the whole batch.
        batches = _in_order(sources, files, size).padded_batch(batch_size, padding_values=padding)
        batches = batches.map(lambda image, label: with_blank_rows(image, label, padding, batch_size))
        own = slice(index * length, (index + 1) * length)
        batches = batches.map(lambda image, label: (image[own], label[own]))
    dataset = _prefetched(batches)
    dataset.num_blank = num_blank
    return dataset


def _prefetched(batches):
    # Without the tuning, `AUTOTUNE` would prefetch up to 32 batches, which may be of large images.
    return batches.prefetch(_PREFETCHED).with_options(_untuned())


def _untuned():
    """Returns options that switch off the tuning of how many images are decoded in parallel.

    With TensorFlow 2.21's tuning, one of two cores is idle in every second pass, and deleting the
    iterator of a long pass may take a minute.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def _without_channel(image, label):
    return image, tf.squeeze(label, -1)
