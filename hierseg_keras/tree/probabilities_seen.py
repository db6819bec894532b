"""Whether a prediction visibly holds probabilities: by the operation that made it, or by its values."""

import numpy as np
from keras import ops

from hierseg_keras.tree.known_values import known_values

# How far from 1 a pixel's probabilities may sum in half precision.
_SUM_TOLERANCE = 1e-2
# A look at the first values decides for nearly all logits, and copies nothing else from the device.
_FIRST_VALUES = 1024
_ACTIVATIONS = ("Softmax", "Sigmoid")
# TensorFlow's operations that move values about and leave them what they are.
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
    """The activation that a prediction comes out of, such as `"a softmax"`; `None` if that cannot be seen.

    In a graph of TensorFlow the operations are looked at, past those that only resize or crop. Of an
    eager tensor Keras remembers that an activation made it.
    """
    operation = _operation_of(y_pred)
    while operation is not None and operation.type in _MOVING and operation.inputs:
        operation = operation.inputs[0].op
    if operation is not None:
        return f"a {operation.type.lower()}" if operation.type in _ACTIVATIONS else None
    # Keras's own crossentropies read the same attribute, which TensorFlow's tensors alone can hold.
    return "a softmax or sigmoid" if getattr(y_pred, "_keras_logits", None) is not None else None


def has_values_of_probabilities(kind, y_pred):
    """Whether values, where they are known, can hardly be logits.

    Args:
        kind: `"nodes"` or `"leaves"`.
        y_pred: Array or tensor, `(..., C)`.
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
    """The operation of a tensor in a graph of TensorFlow; `None` of any other tensor."""
    try:
        return tensor.op
    # An eager tensor has the attribute too, and refuses to answer.
    except AttributeError:
        return None


def _lie_in_unit_interval(values):
    return bool(0 <= values.min() and values.max() <= 1)
