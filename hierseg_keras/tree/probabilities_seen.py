"""Recognizes probabilities by the operation that computed them, or by their values."""

import numpy as np
from keras import ops

from hierseg_keras.tree.known_values import known_values

# How far the sum of a pixel's probabilities may be from 1, which allows for half precision.
_SUM_TOLERANCE = 1e-2
# Nearly all logits are recognized by their first values, which avoids copying the rest from the device.
_FIRST_VALUES = 1024
_ACTIVATIONS = ("Softmax", "Sigmoid")
# TensorFlow's operations whose output holds probabilities if their input does.
_MOVING = (
    "Cast",
    "ExpandDims",
    "Identity",
    "MirrorPad",
    "Pad",
    "PadV2",
    "Reshape",
    "ResizeBicubic",
    "ResizeBilinear",
    "ResizeNearestNeighbor",
    "Slice",
    "Squeeze",
    "StridedSlice",
    "Tile",
    "Transpose",
)


def activation_behind(y_pred):
    """Returns the activation that computed a prediction, such as `"a softmax"`, or `None` if it cannot be found.

    In a TensorFlow graph, the operations are followed backwards past those that only resize or
    crop. On an eager tensor, Keras marks the output of an activation.
    """
    operation = _operation_of(y_pred)
    while operation is not None and operation.type in _MOVING and operation.inputs:
        operation = operation.inputs[0].op
    if operation is not None:
        return f"a {operation.type.lower()}" if operation.type in _ACTIVATIONS else None
    # Keras's own crossentropies read the same attribute. Only TensorFlow's tensors can have it.
    return "a softmax or sigmoid" if getattr(y_pred, "_keras_logits", None) is not None else None


def has_values_of_probabilities(kind, y_pred):
    """Returns whether the values of a prediction, if known, are most likely probabilities.

    Args:
        kind: `"nodes"` or `"leaves"`.
        y_pred: Float array or tensor, `(..., C)`.
    """
    first = known_values(ops.reshape(y_pred, (-1,))[:_FIRST_VALUES])
    if first is None or not first.size or not _lie_in_unit_interval(first):
        return False
    values = known_values(y_pred)
    if not _lie_in_unit_interval(values):
        return False
    if kind == "leaves":
        return bool(np.all(np.abs(values.sum(axis=-1, dtype="float32") - 1) < _SUM_TOLERANCE))
    return bool(np.any((values > 0) & (values < 1)))


def _operation_of(tensor):
    """Returns the operation of a tensor in a TensorFlow graph, or `None` for any other tensor."""
    try:
        return tensor.op
    # An eager tensor has the attribute too, but raises this error.
    except AttributeError:
        return None


def _lie_in_unit_interval(values):
    return bool(0 <= values.min() and values.max() <= 1)
