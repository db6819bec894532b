"""TFDS data sets as batches of images and node labels."""

import functools

import numpy as np
import tensorflow as tf

from hierseg_keras.data import augmentation
from hierseg_keras.data.prepare import prepare
from hierseg_keras.data.source import Source
from hierseg_keras.tree import ClassTree, as_class_tree, check_ignore_class


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
):
    """Loads a split of one or several TFDS data sets as `(image, label)` batches, preparing them where needed.

    In training, every epoch draws the images in a new order, scales each by a random factor,
    cuts out a crop at a random place and mirrors every second one; the last batch is left out
    where it is not full. The order and all draws follow from `seed` (and TensorFlow's global
    seed, where `keras.utils.set_random_seed` has set one) and the number of the epoch, so that
    two runs see the same batches. Otherwise images come whole and in order, those
    of one batch padded to the largest.

    Label maps are moved and never interpolated. Padding is labelled `ignore_class`.

    A data set that carries no tree, as those that ship with TFDS, is read with a class map, which
    tells the node of each class that its label maps hold; nothing is prepared again. So is one that
    carries another tree than `tree`.

    Several data sets, whose classes may differ in number and fineness, are trained on together:
    each image is drawn from one of them, chosen at random by `weights`, and each data set begins
    anew, in a new order, when it is used up. *An epoch* is then as many images as the splits have
    together. Otherwise the data sets follow one another.

    Args:
        name: Name of a TFDS data set, such as `"street_blocks"`, `"camvid_tree"` or
            `"cityscapes/semantic_segmentation"`; or a list of them.
        split: TFDS split, such as `"train"` or `"train[:10%]"`; or a list, one for each data set.
        training: Whether to shuffle, augment, and drop the last partial batch.
        tree: `ClassTree` to whose nodes class ids are mapped. Defaults to the data sets' own.
        batch_size: Images a batch; over all replicas, as Keras has it.
        size: Optional `(H, W)` to which every image is resized before all else; or an integer, the
            length that its shorter side then has.
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
        class_maps: Dict from a data set's name to its class map: a `data.ClassMap`, the path of a
            file of one, or a dict from class ids or names to nodes (a path, or `"ignore"`).
        unmapped: `"error"` refuses classes that a class map gives no node; `"ignore"` leaves their
            pixels without a label.
        features: Dict from a data set's name to the names of its image and its label map, where
            they cannot be told: `{"lost_and_found/full": ("image_left", "segmentation_label")}`.
        flip_pairs: Pairs of nodes that change places in a mirror image. Defaults to those that each
            data set declares.
        max_depth: The data set's `depth`, in metres, then is the image's fourth channel, from 0 to
            255 at `max_depth` and beyond, as `models.SAGate(depth_channels=1)` takes it. Defaults to
            `None`: images have three channels.

    Returns:
        `tf.data.Dataset` of pairs: image, float32 `(B, H, W, 3)` in 0 .. 255, or `(B, H, W, 4)` with
        depth; and label, int32 `(B, H, W)`, node indices of the tree or `ignore_class`. Its option
        `autotune.enabled` is off: as many images are decoded at a time as there are cores, up to 16.

    Raises:
        ValueError: If the data set, the split or an argument is not as said above, or the
            training split does not fill one batch.
        TreeError: If the data set has classes that the tree has not, or that are not mapped.
        tf.errors.InvalidArgumentError: While batches are drawn, if a label map holds an id without
            a meaning, or is not as large as its image. The message names the record.

    Example:

    >>> train = hs.data.load("street_blocks", "train", training=True, crop_size=(96, 128))
    >>> image, label = next(iter(train))
    >>> image.shape, label.shape
    (TensorShape([8, 96, 128, 3]), TensorShape([8, 96, 128]))
    """
    names = [name] if isinstance(name, str) else list(name)
    splits = [split] * len(names) if isinstance(split, str) else list(split)
    weights = None if weights is None else [float(weight) for weight in weights]
    _check_arguments(names, splits, weights, unmapped, {"class_maps": class_maps, "features": features})
    _check_sizes({"batch_size": batch_size, "size": size, "crop_size": crop_size, "scale_range": scale_range})
    builders = [prepare(name, data_dir=data_dir, manual_dir=manual_dir) for name in names]
    tree = _common_tree(names, builders) if tree is None else as_class_tree(tree)
    ignore_class = check_ignore_class("data.load", tree, ignore_class)
    sources = []
    for name, builder in zip(names, builders):
        options = ((class_maps or {}).get(name), unmapped, (features or {}).get(name), flip_pairs, max_depth)
        sources.append(Source(builder, name, tree, ignore_class, *options))

    if not training:
        return _in_order(sources, splits, size, batch_size, ignore_class)

    crop_size = crop_size or size
    if crop_size is None or isinstance(crop_size, int):
        raise ValueError(
            f"`data.load` expects a `crop_size=(height, width)` in training. Received: crop_size={crop_size}."
        )
    if len(sources) == 1:
        examples = sources[0].encoded(splits[0])
        shuffled = examples.shuffle(shuffle_buffer, seed=seed, reshuffle_each_iteration=True)
    else:
        shuffled = _mixed(sources, splits, weights, shuffle_buffer, seed)
    if shuffled.cardinality() < batch_size:
        raise ValueError(
            f"`data.load` expects at least one full batch in training. Received: batch_size={batch_size} and "
            f"{int(shuffled.cardinality())} images in split {split!r} of {name!r}. Pass a smaller batch_size."
        )

    def draw(source, example, draw):
        image, class_ids = source.decode(example, size)
        crop = augmentation.draw_crop(tf.shape(image)[:2], tf.stack([draw, seed]), scale_range, crop_size, flip)
        image, class_ids = augmentation.cut(image, class_ids, crop)
        label = source.to_nodes(class_ids, example["record"], crop.mirrored)
        image, label = augmentation.pad(image, label, crop, ignore_class)
        return tf.ensure_shape(image, (*crop_size, None)), tf.ensure_shape(label, (*crop_size, 1))

    def draw_from_its_source(example, number):
        if len(sources) == 1:
            return draw(sources[0], example, number)
        branches = [functools.partial(draw, source, example, number) for source in sources]
        return tf.switch_case(example["source"], branches)

    # Draws anew at every pass over the data, and the same at the same pass of another run, as shuffling does.
    draws = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
    drawn = tf.data.Dataset.zip(shuffled, draws).map(draw_from_its_source, tf.data.AUTOTUNE)
    batches = drawn.map(_without_channel).batch(batch_size, drop_remainder=True)
    return batches.prefetch(tf.data.AUTOTUNE).with_options(_untuned())


def _check_arguments(names, splits, weights, unmapped, by_name):
    if not names or len(splits) != len(names):
        raise ValueError(
            f"`data.load` expects one `split`, or one for each data set. Received: {len(splits)} for {len(names)}."
        )
    if weights is not None and (len(weights) != len(names) or not all(weight > 0 for weight in weights)):
        raise ValueError(
            f"`data.load` expects a positive weight for each of {len(names)} data sets. Received: weights={weights}."
        )
    if unmapped not in ("error", "ignore"):
        raise ValueError(f'`unmapped` expects "error" or "ignore". Received: unmapped={unmapped!r}.')
    for argument, values in by_name.items():
        unknown = sorted(set(values or ()) - set(names))
        if unknown:
            raise ValueError(f"`{argument}` expects names of the data sets, {names}. Received: {unknown}.")


def _check_sizes(sizes):
    for argument, value in sizes.items():
        if value is not None and not np.all(np.greater(value, 0)):
            raise ValueError(f"`data.load` expects a `{argument}` above 0. Received: {argument}={value}.")


def _common_tree(names, builders):
    trees = [ClassTree.from_tfds(builder.info) for builder in builders]
    if any(tree != trees[0] for tree in trees):
        raise ValueError(f"`data.load` expects a `tree` for data sets of several trees. Received: {names}, tree=None.")
    return trees[0]


def _mixed(sources, splits, weights, shuffle_buffer, seed):
    """Undecoded examples with the number of their source, an epoch of them.

    They are mixed before they are decoded in parallel: what runs ahead of its consumer would begin
    a data set anew, or not, as time has it, and the next epoch would follow from that.
    """
    endless, counts = [], []
    for number, (source, split) in enumerate(zip(sources, splits)):
        # An epoch may end before a data set does: the next one then begins with other files, or, where there is
        # only one, which TFDS keeps small, draws from all of it.
        examples = source.encoded(split, shuffle_seed=seed, shuffle_reshuffle_each_iteration=True)
        counts.append(int(examples.cardinality()))
        buffer = shuffle_buffer if source.num_files(split) > 1 else max(shuffle_buffer, counts[-1])
        shuffled = examples.shuffle(buffer, seed=seed, reshuffle_each_iteration=True).repeat()
        endless.append(shuffled.map(functools.partial(_with_source, number=number)))
    weights = weights or counts
    mixed = tf.data.Dataset.sample_from_datasets(
        endless, [weight / sum(weights) for weight in weights], seed=seed, rerandomize_each_iteration=True
    )
    return mixed.take(sum(counts))


def _with_source(example, number):
    return {**example, "source": tf.constant(number)}


def _in_order(sources, splits, size, batch_size, ignore_class):
    def decode(source, example):
        image, class_ids = source.decode(example, size)
        return tf.cast(image, tf.float32), source.to_nodes(tf.cast(class_ids, tf.int32), example["record"])

    parts = [
        source.encoded(split).map(functools.partial(decode, source), tf.data.AUTOTUNE)
        for source, split in zip(sources, splits)
    ]
    padding = (augmentation.PADDING_COLOUR, ignore_class)
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
