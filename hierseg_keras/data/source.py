"""Decodes the records of a prepared data set into images and node labels."""

import numpy as np
import tensorflow as tf

from hierseg_keras.data import augmentation
from hierseg_keras.data.argument_checks import check_arguments
from hierseg_keras.data.class_ids import node_of_class_id, nodes_of_pairs
from hierseg_keras.data.class_map import ClassMap
from hierseg_keras.data.class_names import class_names
from hierseg_keras.data.example_names import text_features, undecoded
from hierseg_keras.data.find_features import find_features
from hierseg_keras.data.node_table import NodeTable
from hierseg_keras.data.refusal import refuse
from hierseg_keras.data.repeated_names import warn_of_repeated_names
from hierseg_keras.data.sided_classes import sided_classes
from hierseg_keras.data.stored_images import decode_image
from hierseg_keras.data.stored_labels import decode_label

DEPTH = "depth"


class Source:
    """A prepared TFDS data set whose records are decoded into images and maps of nodes.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder`.
        name: String, name of the data set as the user wrote it.
        tree: `ClassTree`.
        ignore_class: Integer label of pixels to exclude.
        class_map, unmapped, features, flip_pairs, max_depth: As in `data.load`, for this data set.
        label_level: Integer between 1 and `tree.num_levels`. Nodes deeper than this level are replaced by their
            ancestors. Defaults to 1, the finest level, which replaces none.
    """

    def __init__(
        self,
        builder,
        name,
        tree,
        ignore_class,
        class_map,
        unmapped,
        features,
        flip_pairs,
        max_depth=None,
        label_level=1,
    ):
        self.builder, self.name = builder, name
        self._max_depth = check_depth(builder.info, max_depth)
        self._features = find_features(builder.info, features)
        class_map = None if class_map is None else self._class_map(class_map)
        nodes = self._nodes(tree, ignore_class, class_map, unmapped)
        pairs = self._flip_pairs(tree, nodes) if flip_pairs is None else list(flip_pairs)
        # The pairs of left and right classes, unless the data set or the caller says which classes a flip swaps.
        undeclared = [] if flip_pairs is not None or pairs else sided_classes(tree.paths)
        labels = set(nodes.values())
        self.undeclared_pairs = [pair for pair in undeclared if {tree.index(path) for path in pair} <= labels]
        self._has_colors = class_map is not None and class_map.has_colors
        unknown = ignore_class if unmapped == "ignore" else None
        largest = np.iinfo(builder.info.features[self._features[1]].np_dtype).max
        # Level `l` is depth `D - l + 1`, which is entry `D - l` of the table.
        coarse = tree.depth_table[tree.num_levels - label_level]
        self._table = NodeTable(nodes, unknown, tree.swap(pairs), self._has_colors, largest, coarse)

    def parse(self, index, record):
        """Parses a record without decoding its images, so that a shuffle buffer holds compressed images.

        Args:
            index: Int64 scalar, the record's number in its split.
            record: String scalar, the record's bytes; or a dict of its features, with images as bytes.

        Returns:
            Dict with `index`, and with the string scalars `image`, `label`, `depth` (with `max_depth` only) and
            `record`. The last is a name for errors: a text of the record, such as its file name, or its number.
        """
        features = self.builder.info.features
        kept = dict(zip(("image", "label"), self._features))
        if self._max_depth is not None:
            kept[DEPTH] = DEPTH
        texts, decoders = text_features(self.builder.info), undecoded(self.builder.info)
        example = record if isinstance(record, dict) else features.deserialize_example(record, decoders=decoders)
        name = example[texts[0]] if texts else tf.strings.join(["record ", tf.strings.as_string(index)])
        return {**{key: example[feature] for key, feature in kept.items()}, "record": name, "index": index}

    def decode(self, example, size=None):
        """Decodes the image and the label map of an example.

        Args:
            example: Dict as returned by `parse`.
            size: As in `data.load`.

        Returns:
            A pair `(image, values)`. `image` is uint8 `(h, w, 3)`; it is float32 if it is resized or stored in 16
            bits, and float32 `(h, w, 4)` with depth. `values` is `(h, w, 1)`, class ids or the integers of colors.
        """
        features = self.builder.info.features
        image, label = self._features
        record = self._place(example)
        values = decode_label(example["label"], features[label], record, self._has_colors)
        image = decode_image(example["image"], features[image], record)
        shapes = tf.shape(image)[:2], tf.shape(values)[:2]
        is_alike = tf.reduce_all(shapes[0] == shapes[1])
        check = tf.cond(is_alike, tf.no_op, lambda: refuse(_sizes_differ, record, *shapes))
        with tf.control_dependencies([check]):
            if self._max_depth is not None:
                depth = features[DEPTH].decode_example(example[DEPTH]) * (255 / self._max_depth)
                image = tf.concat([tf.cast(image, tf.float32), tf.clip_by_value(depth, 0, 255)], axis=-1)
            return augmentation.resize(image, values, size) if size else (image, tf.identity(values))

    def to_nodes(self, values, example, mirrored=False):
        """Returns the nodes of class ids or colors, int32. The error for an unknown value names the record.

        Args:
            values: Integer tensor, as returned by `decode`.
            example: Dict as returned by `parse`.
            mirrored: Boolean or bool scalar tensor, whether to swap the nodes of flip pairs. Defaults to `False`.
        """
        return self._table.look_up(values, self._place(example), mirrored)

    def _place(self, example):
        return tf.strings.join([f"{self.name}: ", example["record"]])

    def _nodes(self, tree, ignore_class, class_map, unmapped):
        if class_map is not None:
            return class_map.node_of_class_id(tree, ignore_class, unmapped)
        if "class_paths" not in (self.builder.info.metadata or {}):
            raise ValueError(
                "`data.load` expects `class_paths` in the metadata of the data set, or a class table from its class "
                f"ids to nodes. Received: {self.builder.info.full_name} without either. Pass one for {self.name!r} "
                "with `class_maps`. `data.propose_class_map` proposes one to edit."
            )
        nodes = node_of_class_id(tree, class_names(self.builder.info), ignore_class).tolist()
        # A data set need not have a tree of its own.
        if self.builder.info.metadata.get("tree") != tree.to_text():
            warn_of_repeated_names(f"`data.load` of {self.name}", tree, nodes)
        return dict(enumerate(nodes))

    def _class_map(self, class_map):
        if isinstance(class_map, ClassMap):
            return class_map
        if not hasattr(class_map, "items"):
            return ClassMap.from_file(class_map)
        try:
            names = ["" if name is None else name for name in class_names(self.builder.info)]
        except ValueError:
            names = []
        return ClassMap.from_dict(class_map, names, f"class table of {self.name}")

    def _flip_pairs(self, tree, nodes):
        """Returns the flip pairs of the data set, mapped from its own classes to nodes of the tree."""
        pairs = (self.builder.info.metadata or {}).get("flip_pairs")
        # TFDS may return an array.
        has_pairs = pairs is not None and len(pairs) > 0
        return nodes_of_pairs(tree, pairs, class_names(self.builder.info), nodes) if has_pairs else []


def _sizes_differ(record, image, label):
    turned = " If an EXIF tag rotates the image, store the image rotated instead."
    return (
        f"{record.decode()}: expected an image and a label map of equal size. Received: an image of {image[0]} x "
        f"{image[1]} and a label map of {label[0]} x {label[1]}.{turned if (image[::-1] == label).all() else ''}"
    )


def check_depth(info, max_depth):
    """Returns `max_depth` as a float or `None`. Raises `ValueError` if the data set has no depth image for it."""
    check_arguments("data.load", max_depth=max_depth)
    if max_depth is None:
        return None
    import tensorflow_datasets as tfds

    feature = dict(info.features).get(DEPTH)
    is_image = isinstance(feature, tfds.features.Image) and feature.shape[-1] == 1
    if not is_image or feature.np_dtype != np.float32:
        received = f"the features {sorted(info.features)}"
        if is_image:
            received = f"`{DEPTH}` of dtype {np.dtype(feature.np_dtype).name}"
        raise ValueError(
            f"`max_depth` expects a data set whose feature `{DEPTH}` is an image with one channel of meters, float32. "
            f"Received: {info.full_name} with {received}. Omit max_depth."
        )
    return float(max_depth)
