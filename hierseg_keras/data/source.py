"""One data set as it is stored, and what it means on a tree."""

import numpy as np
import tensorflow as tf

from hierseg_keras.data import augmentation
from hierseg_keras.data.class_ids import node_of_class_id
from hierseg_keras.data.class_map import ClassMap, class_names
from hierseg_keras.data.stored_labels import decode_class_ids, find_features

DEPTH = "depth"
# Below every label, so that the smallest of a map tells whether it holds one.
_UNKNOWN = np.iinfo(np.int32).min


class Source:
    """A prepared TFDS data set, from whose records images and maps of nodes are decoded.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder`.
        name: The name that the user gave it.
        tree: `ClassTree`.
        ignore_class: Integer label of pixels without one.
        class_map, unmapped, features, flip_pairs, max_depth: As in `data.load`, for this data set.
    """

    def __init__(self, builder, name, tree, ignore_class, class_map, unmapped, features, flip_pairs, max_depth=None):
        self.builder, self.name = builder, name
        self._max_depth = check_depth(builder.info, max_depth)
        self._features = find_features(builder.info, features)
        self._ignores_unknown = unmapped == "ignore"
        nodes = self._node_of_class_id(tree, ignore_class, class_map, unmapped)
        largest = max(np.iinfo(builder.info.features[self._features[1]].np_dtype).max, *nodes)
        table = np.full(largest + 1, ignore_class if self._ignores_unknown else _UNKNOWN, np.int32)
        table[list(nodes)] = list(nodes.values())
        pairs = self._flip_pairs(tree, nodes, class_map) if flip_pairs is None else flip_pairs
        self._table, self._mirrored_table = table, _swapped(table, tree.swap(pairs))

    def encoded(self, split, **read_config):
        """The split undecoded, so that a shuffle buffer holds compressed images, and in one order whatever the machine.

        Args:
            split: TFDS split.
            **read_config: Further arguments of `tfds.ReadConfig`.

        Returns:
            `tf.data.Dataset` of dicts of string scalars: `image`, `label`, `depth` where it is asked for, and
            `record`, a name for errors: a text of the record, such as its file's name, or its number as it is read.
        """
        import tensorflow_datasets as tfds

        image, label = self._features
        features = self.builder.info.features
        pictures = [name for name, feature in features.items() if isinstance(feature, tfds.features.Image)]
        try:
            examples = self.builder.as_dataset(
                split=split,
                shuffle_files="shuffle_seed" in read_config,
                decoders=dict.fromkeys(pictures, tfds.decode.SkipDecoding()),
                read_config=tfds.ReadConfig(interleave_cycle_length=1, **read_config),
            )
        except (ValueError, KeyError) as error:
            raise ValueError(
                f"`data.load` expects a split of {self.builder.info.full_name}: {sorted(self.builder.info.splits)}. "
                f"Received: split={split!r}. {error}"
            ) from None
        texts = [name for name, feature in features.items() if isinstance(feature, tfds.features.Text)]

        def only(number, example):
            record = example[texts[0]] if texts else tf.strings.join(["record ", tf.strings.as_string(number)])
            depth = {} if self._max_depth is None else {DEPTH: example[DEPTH]}
            return {"image": example[image], "label": example[label], **depth, "record": record}

        return examples.enumerate().map(only)

    def num_files(self, split):
        return len(self.builder.info.splits[split].file_instructions)

    def decode(self, example, size=None):
        """Image `(h, w, 3)` uint8, or float32 with depth as a fourth channel, and class ids `(h, w, 1)`; of `size`, the
        image then float32, where it is given."""
        features = self.builder.info.features
        image, label = self._features
        class_ids = decode_class_ids(example["label"], features[label], example["record"])
        image = features[image].decode_example(example["image"])
        alike = tf.debugging.Assert(
            tf.reduce_all(tf.shape(image)[:2] == tf.shape(class_ids)[:2]),
            [f"{self.name}: expected an image and a label map of one size. Received:", example["record"]]
            + [tf.shape(image)[:2], tf.shape(class_ids)[:2]],
        )
        with tf.control_dependencies([alike]):
            if self._max_depth is not None:
                depth = features[DEPTH].decode_example(example[DEPTH]) * (255 / self._max_depth)
                image = tf.concat([tf.cast(image, tf.float32), tf.clip_by_value(depth, 0, 255)], axis=-1)
            return augmentation.resize(image, class_ids, size) if size else (image, tf.identity(class_ids))

    def to_nodes(self, class_ids, record, mirrored=False):
        """The nodes that stored ids mean, int32; ids without a meaning are an error that names the record.

        Args:
            class_ids: Int32 tensor of stored ids.
            record: String scalar.
            mirrored: Bool scalar, whether the nodes of the data set's flip pairs change places.
        """
        nodes = tf.gather(tf.where(mirrored, self._mirrored_table, self._table), class_ids)
        if self._ignores_unknown:
            return nodes

        def refuse():
            ids, _, counts = tf.unique_with_counts(tf.boolean_mask(class_ids, nodes == _UNKNOWN))
            message = f"{self.name}: a stored class id is none of the data set's, or not in its class map. Received:"
            return tf.debugging.Assert(False, [message, record, "ids", ids, "pixels", counts], summarize=20)

        known = tf.cond(tf.reduce_min(nodes) == _UNKNOWN, refuse, tf.no_op)
        with tf.control_dependencies([known]):
            return tf.identity(nodes)

    def _node_of_class_id(self, tree, ignore_class, class_map, unmapped):
        if class_map is not None:
            return self._class_map(class_map).node_of_class_id(tree, ignore_class, unmapped)
        if "class_paths" not in (self.builder.info.metadata or {}):
            raise ValueError(
                f"`data.load` expects `class_paths` in the data set's metadata, or a class map that tells which node "
                f"each stored id is. Received: {self.builder.info.full_name} without either. Pass "
                f"class_maps={{{self.name!r}: ...}}; `data.propose_class_map` makes a first one."
            )
        return dict(enumerate(node_of_class_id(tree, class_names(self.builder.info), ignore_class).tolist()))

    def _class_map(self, class_map):
        if isinstance(class_map, ClassMap):
            return class_map
        if not hasattr(class_map, "items"):
            return ClassMap.from_file(class_map)
        try:
            names = ["" if name is None else name for name in class_names(self.builder.info)]
        except ValueError:
            names = []
        return ClassMap.from_dict(class_map, names, f"class map of {self.name}")

    def _flip_pairs(self, tree, nodes, class_map):
        """Those of the data set, which speak of its own classes, as nodes of the tree."""
        metadata = self.builder.info.metadata or {}
        pairs = metadata.get("flip_pairs")
        pairs = [] if pairs is None else [tuple(pair) for pair in pairs]
        if class_map is None:
            return pairs
        ids = {path: class_id for class_id, path in enumerate(class_names(self.builder.info)) if path} if pairs else {}
        found = {tuple(nodes[ids[path]] if path in ids else tree.index(path) for path in pair) for pair in pairs}
        # Left and right may be one node of a tree that does not tell them apart.
        return sorted(pair for pair in found if pair[0] != pair[1])


def _swapped(table, swap):
    """A table of nodes, or of labels outside them, whose nodes have changed places."""
    is_node = (table >= 0) & (table < len(swap))
    return np.where(is_node, swap[np.where(is_node, table, 0)], table).astype(table.dtype)


def check_depth(info, max_depth):
    """`max_depth` as a number or `None`; raises where the data set has no depth to go with it."""
    if max_depth is None:
        return None
    if not max_depth > 0:
        raise ValueError(f"`max_depth` expects metres, a number above 0. Received: max_depth={max_depth!r}.")
    import tensorflow_datasets as tfds

    feature = dict(info.features).get(DEPTH)
    if not isinstance(feature, tfds.features.Image) or feature.shape[-1] != 1:
        raise ValueError(
            f"`max_depth` expects a data set whose feature `{DEPTH}` is an image of metres. "
            f"Received: {info.full_name}, with the features {sorted(info.features)}. Leave max_depth out."
        )
    return float(max_depth)
