"""Maps the labels of arrays and of `tf.data.Dataset`s to nodes."""

import tensorflow as tf

from hierseg_keras.data.class_map import ClassMap
from hierseg_keras.data.node_table import NodeTable, checked_color_codes


def as_class_map(classes):
    """Returns a `ClassMap` that is given as an object, the path of its file, or a dict. `None` stays `None`."""
    if classes is None or isinstance(classes, ClassMap):
        return classes
    return ClassMap.from_dict(classes) if hasattr(classes, "items") else ClassMap.from_file(classes)


def label_table(tree, classes, ignore_class):
    """Makes the function that maps a label to nodes.

    Args:
        tree: `ClassTree`.
        classes: `ClassMap`, or `None` if labels are node indices.
        ignore_class: Integer label of pixels without a label, if `classes` is `None`.

    Returns:
        Function `(label, place)` from an integer tensor, and a string tensor with which errors begin, to int32 node
        indices; `tree.num_nodes` stands for a pixel without a label.

    Raises:
        TreeError: If a class has no node, or its node is not in the tree.
    """
    no_label = tree.num_nodes
    if classes is not None:
        table = NodeTable(classes.node_of_class_id(tree, no_label), colors=classes.has_colors)
        values_of = checked_color_codes if classes.has_colors else tf.identity
        return lambda label, place: table.look_up(values_of(tf.cast(label, tf.int64)), place)
    table = NodeTable(
        {node: node for node in range(no_label)},
        expected=f"node indices from 0 to {no_label - 1}, or {ignore_class} for a pixel without a label",
        remedy="If labels are the ids of classes, pass `classes`, such as {0: 'sky', 11: 'ignore'}",
    )

    def look_up(label, place):
        label = tf.cast(label, tf.int64)
        is_labeled = label != ignore_class
        nodes = table.look_up(tf.where(is_labeled, label, 0), place)
        return tf.where(is_labeled, nodes, no_label)

    return look_up
