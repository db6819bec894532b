"""TFDS data sets as batches of images and node labels."""

import functools

import tensorflow as tf

from hierseg_keras.data import augmentation
from hierseg_keras.data.argument_checks import check_arguments
from hierseg_keras.data.epoch_counter import EpochCounter
from hierseg_keras.data.prepare import prepare
from hierseg_keras.data.record_files import RecordFiles
from hierseg_keras.data.source import Source
from hierseg_keras.data.training_order import TrainingOrder
from hierseg_keras.tree import ClassTree, as_class_tree, check_ignore_class
from hierseg_keras.tree.padding import PADDING_COLOR


def load(
    name,
    split,
    training=False,
    tree=None,
    batch_size=8,
    size=None,
    crop_size=None,
    scale_range=(0.5, 2.0),
    flip=True,
    seed=0,
    shuffle_buffer=1000,
    ignore_class=255,
    data_dir=None,
    manual_dir=None,
    weights=None,
    class_maps=None,
    unmapped="error",
    features=None,
    flip_pairs=None,
    max_depth=None,
    initial_epoch=0,
):
    """Loads a split of one or several TFDS data sets as `(image, label)` batches, preparing them where needed.

    In training, every epoch draws the images in a new order, scales each by a random factor, cuts out a crop at a
    random place and mirrors every second one. The last batch is left out where it is not full. Otherwise images come
    whole and in order, those of one batch padded to the largest.

    Training batches are functions of `seed` and the number of the epoch, and of nothing else: neither of what the
    process has drawn before, nor of TensorFlow's global seed. Each pass over the data set is an epoch, numbered from
    `initial_epoch` on. `set_epoch(n)` of the data set makes the next pass epoch `n`, and the callback
    `data.SetEpoch` does so for every epoch of `fit`, which makes a run that is continued in a new process exactly the
    run that was never stopped.

    Label maps are moved and never interpolated. Padding is labeled `ignore_class`.

    A data set that carries no tree, as those that ship with TFDS, is read with a class map, which gives the node of
    each class id, or of each color, that its label maps hold. Nothing is prepared again. The same holds for a data
    set that carries another tree than `tree`.

    Several data sets, whose classes may differ in number and fineness, are trained on together: each image is drawn
    from one of them, chosen at random by `weights`, and each data set begins anew, in a new order, when it is used up.
    *An epoch* is then as many images as the splits have together. Otherwise the data sets follow one another.

    Args:
        name: Name of a TFDS data set, such as `"street_blocks"`, `"camvid_tree"` or
            `"cityscapes/semantic_segmentation"`; or a list of them.
        split: TFDS split, such as `"train"` or `"train[:10%]"`; or a list, one per data set.
        training: Whether to shuffle, augment, and drop the last partial batch.
        tree: `ClassTree` to whose nodes class ids are mapped. Defaults to the data sets' own.
        batch_size: Images per batch; over all replicas, as in Keras.
        size: Optional `(H, W)` to which every image is resized first; or an integer, the length that its shorter
            side then has.
        crop_size: `(H, W)` of the training crops. Defaults to `size` where that is a pair.
        scale_range: Smallest and largest factor of the random scale. Defaults to the papers'
            0.5 and 2; `None` leaves it out.
        flip: Whether to mirror at random. Nodes in the data set's `flip_pairs` change places.
        seed: Integer from which order and augmentation follow.
        shuffle_buffer: Encoded images of each data set held to draw from. Defaults to 1000.
        ignore_class: Integer label of pixels without one, outside `[0, V)`. Defaults to 255.
        data_dir, manual_dir: As in `data.prepare`.
        weights: How often each of several data sets is drawn from in training, in any unit.
            Defaults to their numbers of images.
        class_maps: Dict from a data set's name to its class map: a `data.ClassMap`, the path of a file of one, or a
            dict from class ids, names or colors to nodes (a path, or `"ignore"`).
        unmapped: `"error"` refuses classes that a class map gives no node; `"ignore"` leaves their
            pixels without a label.
        features: Dict from a data set's name to the names of its image and its label map, where these cannot be
            inferred: `{"lost_and_found/full": ("image_left", "segmentation_label")}`.
        flip_pairs: Pairs of nodes that change places in a mirror image. Defaults to those that each
            data set declares.
        max_depth: Makes the data set's `depth`, in meters, the fourth channel of the image, from 0 to 255 at
            `max_depth` and beyond, as `models.SAGate(depth_channels=1)` takes it. Defaults to `None`: images have
            three channels.
        initial_epoch: Number of the first pass's epoch in training. Defaults to 0.

    Returns:
        `tf.data.Dataset` of pairs: image, float32 `(B, H, W, 3)` in 0 .. 255, or `(B, H, W, 4)` with
        depth; and label, int32 `(B, H, W)`, node indices of the tree or `ignore_class`. Gray images have three equal
        channels, and 16-bit values are divided by 257. Its option `autotune.enabled` is off: as many images are
        decoded at a time as there are cores, up to 16. A data set for training has `set_epoch(n)`.

    Raises:
        ValueError: If there is no such data set or split, an argument does not have the type or range above, a file
            of the data set is missing or cut short, or the training split does not fill one batch.
        TreeError: If the data set has classes that the tree has not, or that are not mapped.
        tf.errors.InvalidArgumentError: While batches are drawn, if a label map holds an id, or a color, without
            a meaning, or is not as large as its image, or a record is damaged. The message names the record or file.

    Example:

    >>> train = hs.data.load("street_blocks", "train", training=True, crop_size=(96, 128))
    >>> image, label = next(iter(train))
    >>> image.shape, label.shape
    (TensorShape([8, 96, 128, 3]), TensorShape([8, 96, 128]))
    """
    sizes = {"batch_size": batch_size, "size": size, "crop_size": crop_size, "scale_range": scale_range}
    draws = {"seed": seed, "shuffle_buffer": shuffle_buffer, "initial_epoch": initial_epoch, "flip": flip}
    by_name = {"class_maps": class_maps, "features": features}
    others = {"training": training, "unmapped": unmapped, "flip_pairs": flip_pairs, "max_depth": max_depth}
    check_arguments("data.load", **sizes, **draws, **by_name, **others, weights=weights)
    names = list(name) if isinstance(name, (list, tuple)) else [name]
    splits = list(split) if isinstance(split, (list, tuple)) else [split] * len(names)
    _check_several(names, splits, weights, by_name)
    size, crop_size = _plain(size), _plain(crop_size)
    scale_range = None if scale_range is None else tuple(map(float, scale_range))
    if training:
        crop_size = _checked_crop_size(crop_size, size)
    builders = [prepare(name, data_dir=data_dir, manual_dir=manual_dir) for name in names]
    tree = _common_tree(names, builders) if tree is None else as_class_tree(tree)
    ignore_class = check_ignore_class("data.load", tree, ignore_class)
    sources = []
    for name, builder in zip(names, builders):
        options = ((class_maps or {}).get(name), unmapped, (features or {}).get(name), flip_pairs, max_depth)
        sources.append(Source(builder, name, tree, ignore_class, *options))
    files = [RecordFiles(builder, split) for builder, split in zip(builders, splits)]
    if not training:
        return _in_order(sources, files, size, batch_size, ignore_class)

    order = TrainingOrder(sources, files, weights, shuffle_buffer, int(seed))
    if order.num_examples < batch_size:
        raise ValueError(
            f"`data.load` expects at least one full batch in training. Received: batch_size={batch_size} and "
            f"{order.num_examples} images in {splits} of {names}. Pass a smaller batch_size."
        )

    def draw(source, example):
        image, values = source.decode(example, size)
        crop = augmentation.draw_crop(tf.shape(image)[:2], example["seed"], scale_range, crop_size, flip)
        image, values = augmentation.cut(image, values, crop)
        label = source.to_nodes(values, example, crop.mirrored)
        image, label = augmentation.pad(image, label, crop, ignore_class)
        return tf.ensure_shape(image, (*crop_size, None)), tf.ensure_shape(label, (*crop_size, 1))

    def draw_from_its_source(example):
        if len(sources) == 1:
            return draw(sources[0], example)
        return tf.switch_case(example["source"], [functools.partial(draw, source, example) for source in sources])

    epochs = EpochCounter(int(initial_epoch))
    # The pass takes its number when its first example is asked for, which Keras does after `on_epoch_begin`.
    examples = tf.data.Dataset.range(1).flat_map(lambda _: order.epoch(epochs.begin_pass()))
    examples = examples.apply(tf.data.experimental.assert_cardinality(order.num_examples))
    drawn = examples.map(draw_from_its_source, tf.data.AUTOTUNE)
    batches = drawn.map(_without_channel).batch(batch_size, drop_remainder=True)
    dataset = batches.prefetch(tf.data.AUTOTUNE).with_options(_untuned())
    dataset.set_epoch = epochs.set
    return dataset


def _check_several(names, splits, weights, by_name):
    if not names or len(splits) != len(names):
        raise ValueError(
            f"`data.load` expects one `split`, or one per data set. Received: {len(splits)} for {len(names)} data sets."
        )
    if weights is not None and len(weights) != len(names):
        raise ValueError(
            f"`data.load` expects a weight for each of {len(names)} data sets. Received: weights={weights}."
        )
    for argument, values in by_name.items():
        unknown = [key for key in values or () if key not in names]
        if unknown:
            raise ValueError(f"`{argument}` expects names of the data sets, {names}. Received: {unknown}.")


def _plain(size):
    """A size in integers of Python, as a tuple where it is a pair."""
    return tuple(map(int, size)) if hasattr(size, "__len__") else size if size is None else int(size)


def _checked_crop_size(crop_size, size):
    crop_size = crop_size or size
    if crop_size is None or isinstance(crop_size, int):
        raise ValueError(
            f"`data.load` expects a `crop_size=(height, width)` in training. Received: crop_size={crop_size}."
        )
    return crop_size


def _common_tree(names, builders):
    trees = [ClassTree.from_tfds(builder.info) for builder in builders]
    if any(tree != trees[0] for tree in trees):
        raise ValueError(f"`data.load` expects a `tree` for data sets of several trees. Received: {names}, tree=None.")
    return trees[0]


def _in_order(sources, files, size, batch_size, ignore_class):
    def decode(source, example):
        image, values = source.decode(example, size)
        return tf.cast(image, tf.float32), source.to_nodes(values, example)

    parts = [
        source_files.read(source.parse).map(functools.partial(decode, source), tf.data.AUTOTUNE)
        for source, source_files in zip(sources, files)
    ]
    padding = (PADDING_COLOR, ignore_class)
    examples = functools.reduce(lambda one, next_: one.concatenate(next_), parts)
    batches = examples.map(_without_channel).padded_batch(batch_size, padding_values=padding)
    return batches.prefetch(tf.data.AUTOTUNE).with_options(_untuned())


def _untuned():
    """Without what would tune the number of images decoded at a time while batches are drawn.

    It leaves one core of two idle in every second pass, and a pass that it has tuned for long may take
    as long as a minute to be deleted (TensorFlow 2.21).
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def _without_channel(image, label):
    return image, tf.squeeze(label, -1)
