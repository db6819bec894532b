"""Maps class ids or colors to node indices inside tf.data."""

import numpy as np
import tensorflow as tf

from hierseg_keras.data.colors import color_codes, color_name
from hierseg_keras.data.refusal import refuse
from hierseg_keras.messages.capped_list import counted

MAX_CLASS_ID = np.iinfo(np.uint16).max
# Smaller than every label: the minimum of a label map shows whether it holds an unknown value.
_UNKNOWN = np.iinfo(np.int32).min


class NodeTable:
    """Looks up the node of each value of a label map.

    Args:
        nodes: Dict from class ids, or the integers of colors, to labels: node indices or `ignore_class`.
        unknown: Integer label of values that are not in `nodes`. Defaults to `None`: such a value raises an error.
        swap: Int32 array `(V,)`, the node that each node becomes in a mirror image, as returned by `ClassTree.swap`.
            Defaults to `None`: nodes stay as they are.
        coarse: Int32 array `(V,)`, the node that replaces each node in the result. In a mirror image, it is applied
            after `swap`. Defaults to `None`: nodes stay as they are.
        colors: Boolean, whether values are colors. Defaults to `False`.
        largest: Integer. If given, the caller guarantees that all class ids are between 0 and `largest`, which makes
            the lookup faster. Defaults to `None`.
        expected, remedy: Strings, what the error for an unknown value expects, and what it tells the user to do.
    """

    def __init__(
        self,
        nodes,
        unknown=None,
        swap=None,
        colors=False,
        largest=None,
        coarse=None,
        expected=None,
        remedy="Map each to a node or to 'ignore'",
    ):
        self._unknown = _UNKNOWN if unknown is None else unknown
        kind, self._name = ("colors", color_name) if colors else ("class ids", str)
        self._expected, self._remedy = expected or f"{kind} of the data set or its class table", remedy
        # There are too many colors for a table of all. The index of a color is its position in the sorted list.
        self._codes = np.array(sorted(nodes), np.int32) if colors else None
        keys = np.searchsorted(self._codes, list(nodes)) if colors else np.array(list(nodes), np.int64)
        self._is_bounded = largest is not None and not colors
        # The last entry is the label of all values outside of the table.
        length = max(keys.max(initial=-1), largest if self._is_bounded else 0) + 2
        self._labels = np.full(length, self._unknown, np.int32)
        self._labels[keys] = list(nodes.values())
        self._mirrored_labels = self._labels if swap is None else replaced(self._labels, swap)
        if coarse is not None:
            self._labels, self._mirrored_labels = (replaced(x, coarse) for x in (self._labels, self._mirrored_labels))
        if not colors:
            self._pairs = _labels_of_pairs(self._labels)
            self._mirrored_pairs = self._pairs if swap is None else _labels_of_pairs(self._mirrored_labels)

    def look_up(self, values, place, mirrored=False):
        """Returns the label of every value.

        Args:
            values: Integer tensor.
            place: String scalar tensor with which errors begin.
            mirrored: Boolean or bool scalar tensor, whether to swap nodes by `swap`. Defaults to `False`.

        Returns:
            Int32 tensor of the shape of `values`.

        Raises:
            ValueError: If a value has no label. The error lists every such value with its number of pixels. In a graph
                it is a `tf.errors.InvalidArgumentError`.
        """
        is_bytes = values.dtype == tf.uint8 and self._codes is None
        found = self._of_bytes(values, mirrored) if is_bytes else self._of_integers(values, mirrored)
        if self._unknown != _UNKNOWN:
            return found

        def fail():
            foreign, _, counts = tf.unique_with_counts(tf.boolean_mask(values, found == _UNKNOWN))
            return refuse(self._sentence, place, foreign, counts)

        check = tf.cond(tf.reduce_min(found) == _UNKNOWN, fail, tf.no_op)
        with tf.control_dependencies([check]):
            return tf.identity(found)

    def _of_bytes(self, values, mirrored):
        """Looks up two values at a time. A lookup takes the same time for one label and for two."""
        flat = tf.reshape(values, (-1,))
        flat = tf.pad(flat, [[0, tf.size(flat) % 2]])
        index = tf.cast(tf.bitcast(tf.reshape(flat, (-1, 2)), tf.uint16), tf.int32)
        pairs = tf.cond(
            tf.constant(mirrored) if isinstance(mirrored, bool) else mirrored,
            lambda: tf.gather(self._mirrored_pairs, index),
            lambda: tf.gather(self._pairs, index),
        )
        return tf.reshape(tf.reshape(tf.bitcast(pairs, tf.int32), (-1,))[: tf.size(values)], tf.shape(values))

    def _of_integers(self, values, mirrored):
        labels = tf.where(mirrored, self._mirrored_labels, self._labels)
        return tf.gather(labels, self._index(values))

    def _index(self, values):
        outside = len(self._labels) - 1
        if self._is_bounded:
            return values if values.dtype == tf.int32 else tf.cast(values, tf.int32)
        if self._codes is None:
            values = values if values.dtype == tf.int64 else tf.cast(values, tf.int32)
            outside = tf.cast(outside, values.dtype)
            return tf.where(values < 0, outside, tf.minimum(values, outside))
        codes = tf.cast(tf.reshape(values, (-1,)), tf.int32)
        index = tf.minimum(tf.searchsorted(self._codes, codes), outside - 1)
        return tf.reshape(tf.where(tf.gather(self._codes, index) == codes, index, outside), tf.shape(values))

    def _sentence(self, place, foreign, counts):
        return (
            f"{place.decode()}: expected {self._expected}. Received: {counted(foreign, counts, self._name)}. "
            f"{self._remedy}."
        )


def _labels_of_pairs(labels):
    """Returns the labels of two bytes, as one integer, for every integer of these two bytes; int64 `(65536,)`."""
    label_of_byte = labels[np.minimum(np.arange(256), len(labels) - 1)]
    byte_pairs = np.arange(65536, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
    return label_of_byte[byte_pairs].view(np.int64)[:, 0]


def replaced(labels, nodes):
    """Returns labels with node `v` replaced by `nodes[v]`. Values that are not node indices stay as they are."""
    is_node = (labels >= 0) & (labels < len(nodes))
    return np.where(is_node, nodes[np.where(is_node, labels, 0)], labels).astype(labels.dtype)


def checked_color_codes(colors):
    """Returns the integers `(...,)` of colors `(..., 3)`, an int64 tensor; -1 for values outside of 0 .. 255."""
    is_color = tf.reduce_all((colors >= 0) & (colors <= 255), axis=-1)
    return tf.where(is_color, color_codes(colors), -1)
