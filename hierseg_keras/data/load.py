"""A TFDS data set as batches of images and node labels."""

import tensorflow as tf

from hierseg_keras.data import augmentation
from hierseg_keras.data.class_ids import node_of_class_id
from hierseg_keras.data.prepare import prepare
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
):
    """Loads a split of a TFDS data set as `(image, label)` batches, preparing it where needed.

    In training, every epoch draws the images in a new order, scales each by a random factor,
    cuts out a crop at a random place and mirrors every second one; the last batch is left out
    where it is not full. The order and all draws follow from `seed` (and TensorFlow's global
    seed, where `keras.utils.set_random_seed` has set one) and the number of the epoch, so that
    two runs see the same batches. Otherwise images come whole and in order, those
    of one batch padded to the largest.

    Label maps are moved and never interpolated. Padding is labelled `ignore_class`.

    Args:
        name: Name of a TFDS data set whose metadata holds `class_paths`, such as
            `"street_blocks"` or `"camvid_tree"`.
        split: TFDS split, such as `"train"` or `"train[:10%]"`.
        training: Whether to shuffle, augment, and drop the last partial batch.
        tree: `ClassTree` to whose nodes class ids are mapped. Defaults to the data set's own.
        batch_size: Images a batch; over all replicas, as Keras has it.
        size: Optional `(H, W)` to which every image is resized before all else.
        crop_size: `(H, W)` of the training crops. Defaults to `size`.
        scale_range: Smallest and largest factor of the random scale. Defaults to the papers'
            0.5 and 2; `None` leaves it out.
        flip: Whether to mirror at random. Nodes in the data set's `flip_pairs` change places.
        seed: Integer from which order and augmentation follow.
        shuffle_buffer: Encoded images held to draw from. Defaults to 1000.
        ignore_class: Integer label of pixels without one, outside `[0, V)`. Defaults to 255.
        data_dir, manual_dir: As in `data.prepare`.

    Returns:
        `tf.data.Dataset` of pairs: image, float32 `(B, H, W, 3)` in 0 .. 255; and label, int32
        `(B, H, W)`, node indices of the tree or `ignore_class`.

    Raises:
        ValueError: If the data set, the split or an argument is not as said above, or the
            training split does not fill one batch.
        TreeError: If the data set has classes that the tree has not.

    Example:

    >>> train = hs.data.load("street_blocks", "train", training=True, crop_size=(96, 128))
    >>> image, label = next(iter(train))
    >>> image.shape, label.shape
    (TensorShape([8, 96, 128, 3]), TensorShape([8, 96, 128]))
    """
    builder = prepare(name, data_dir=data_dir, manual_dir=manual_dir)
    tree = ClassTree.from_tfds(builder.info) if tree is None else as_class_tree(tree)
    ignore_class = check_ignore_class("data.load", tree, ignore_class)
    metadata = _metadata(builder.info)
    table = node_of_class_id(tree, metadata["class_paths"], ignore_class)
    examples = _encoded_examples(builder, split)

    def decode(example):
        features = builder.info.features
        image = tf.cast(features["image"].decode_example(example["image"]), tf.float32)
        label = _to_nodes(tf.cast(features["label"].decode_example(example["label"]), tf.int32), table)
        return augmentation.resize(image, label, size) if size else (image, label)

    if not training:
        return _in_order(examples.map(decode, tf.data.AUTOTUNE), batch_size, ignore_class)

    crop_size = crop_size or size
    if crop_size is None:
        raise ValueError("`data.load` expects a `crop_size=(height, width)` in training. Received: crop_size=None.")
    pairs = metadata.get("flip_pairs") or []
    swap = tree.swap(pairs) if len(pairs) else None

    def augment(image, label, seed):
        scale_seed, crop_seed, flip_seed = tf.unstack(tf.random.split(seed, 3))
        if scale_range:
            image, label = augmentation.random_scale(image, label, scale_seed, scale_range)
        image, label = augmentation.random_crop(image, label, crop_seed, crop_size, ignore_class)
        if flip:
            image, label = augmentation.random_flip(image, label, flip_seed, swap)
        image.set_shape((*crop_size, 3))
        label.set_shape((*crop_size, 1))
        return image, label

    if examples.cardinality() < batch_size:
        raise ValueError(
            f"`data.load` expects at least one full batch in training. Received: batch_size={batch_size} and "
            f"{int(examples.cardinality())} images in split {split!r} of {name!r}. Pass a smaller batch_size."
        )

    # Both draw anew at every pass over the data, and the same at the same pass of another run.
    shuffled = examples.shuffle(shuffle_buffer, seed=seed, reshuffle_each_iteration=True)
    draws = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
    drawn = tf.data.Dataset.zip(shuffled, draws).map(
        lambda example, draw: augment(*decode(example), tf.stack([draw, seed])), tf.data.AUTOTUNE
    )
    return drawn.map(_without_channel).batch(batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def _metadata(info):
    metadata = info.metadata or {}
    if "class_paths" not in metadata:
        raise ValueError(
            f"`data.load` expects `class_paths` in the data set's metadata, one class path an id. "
            f"Received: {info.full_name} with metadata {sorted(metadata)}. Use a builder of `tfds_builders`."
        )
    return metadata


def _encoded_examples(builder, split):
    """Undecoded, so that a shuffle buffer holds compressed images, and in one order whatever the machine."""
    import tensorflow_datasets as tfds

    try:
        return builder.as_dataset(
            split=split,
            decoders={"image": tfds.decode.SkipDecoding(), "label": tfds.decode.SkipDecoding()},
            read_config=tfds.ReadConfig(interleave_cycle_length=1, add_tfds_id=False),
        )
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"`data.load` expects a split of {builder.info.full_name}: {sorted(builder.info.splits)}. "
            f"Received: split={split!r}. {error}"
        ) from None


def _to_nodes(class_ids, table):
    known = tf.debugging.assert_less(
        tf.reduce_max(class_ids), len(table), message=f"a stored class id is not among the {len(table)} of the data set"
    )
    with tf.control_dependencies([known]):
        return tf.gather(table, class_ids)


def _in_order(examples, batch_size, ignore_class):
    padding = (augmentation.PADDING_COLOUR, ignore_class)
    batches = examples.map(_without_channel).padded_batch(batch_size, padding_values=padding)
    return batches.prefetch(tf.data.AUTOTUNE)


def _without_channel(image, label):
    return image, tf.squeeze(label, -1)
