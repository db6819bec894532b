"""The state of a training: variables of network, optimizer and metrics, and what callbacks remember."""

import numbers

import keras
import numpy as np

from hierseg_keras.distribution.replicas import copies_of

# Marks an array of a value's JSON form, whose content is stored with the arrays.
_ARRAY = "array"
_REPLICAS = "replicas"
# Set by `fit`.
_NOT_SAVED = {"params", "model", "validation_data"}


def take_state(model, callbacks):
    """Copies the state of a training.

    Args:
        model: Compiled `keras.Model`.
        callbacks: List of its callbacks. Of each, the public attributes are taken that are numbers, Booleans, `None`,
            NumPy arrays, or lists and dicts of these.

    Returns:
        A pair: a dict from strings to NumPy arrays, and a list of JSON values with one entry per callback.
    """
    arrays = {}
    for key, variable in _variables(model).items():
        copies = [np.array(keras.ops.convert_to_numpy(copy)) for copy in copies_of(model, variable)]
        if len(copies) > 1 and (_is_sum(variable) or any((copy != copies[0]).any() for copy in copies[1:])):
            arrays[f"{key}/{_REPLICAS}"] = np.stack(copies)
        else:
            arrays[key] = copies[0]
    return arrays, [_attributes(callback, f"callback/{index}", arrays) for index, callback in enumerate(callbacks)]


def restore_state(model, callbacks, arrays, attributes):
    """Restores the state that `take_state` returned, also on another number of replicas.

    Args:
        model, callbacks: As in `take_state`, made from the same configuration.
        arrays, attributes: As returned by `take_state`.

    Raises:
        ValueError: If the model has other variables, or there are other callbacks.
    """
    variables = _variables(model)
    stored = {key.removesuffix(f"/{_REPLICAS}"): key for key in arrays if not key.startswith("callback/")}
    if stored.keys() != variables.keys() or len(attributes) != len(callbacks):
        raise ValueError(
            f"expected the state of a training with {len(variables)} variables and {len(callbacks)} callbacks. "
            f"Received: one with {len(stored)} variables and {len(attributes)} callbacks. Resume with the same "
            "network, optimizer and callbacks."
        )
    for key, variable in variables.items():
        copies, array = copies_of(model, variable), arrays[stored[key]]
        is_stacked = stored[key] != key
        if array.shape[is_stacked:] != tuple(variable.shape):
            raise ValueError(
                f"expected a state of shape {tuple(variable.shape)} for the variable {variable.path}. Received: shape "
                f"{array.shape[is_stacked:]}. Resume with the same network and optimizer."
            )
        values = _per_replica(array, is_stacked, len(copies), _is_sum(variable))
        for copy, value in zip(copies, values):
            copy.assign(value)
    for callback, values in zip(callbacks, attributes):
        if "monitor_op" not in values and getattr(callback, "monitor_op", True) is None:
            # Keras chooses this function in the first epoch, and then changes the sign of `min_delta`.
            callback._set_monitor_op()
        for name, value in values.items():
            setattr(callback, name, _decoded(value, arrays))


def _variables(model):
    """Returns a dict from a key to each variable. The key is a position, because names differ between processes."""
    groups = {"model": model.variables, "optimizer": model.optimizer.variables, "metrics": model.metrics_variables}
    return {f"{group}/{index}": variable for group, own in groups.items() for index, variable in enumerate(own)}


def _is_sum(variable):
    return getattr(variable, "aggregation", None) == "sum"


def _per_replica(array, is_stacked, count, is_sum):
    """Returns the value of each of `count` replicas, with the same sum or mean as before."""
    if is_stacked and len(array) == count:
        return list(array)
    if is_sum:
        first = array.sum(axis=0, dtype=array.dtype) if is_stacked else array
        return [first] + [np.zeros_like(first)] * (count - 1)
    if is_stacked:
        is_float = np.issubdtype(array.dtype, np.floating)
        array = array.mean(axis=0, dtype=array.dtype) if is_float else array[0]
    return [array] * count


def _attributes(callback, key, arrays):
    values = {}
    for name, value in vars(callback).items():
        if not name.startswith("_") and name not in _NOT_SAVED:
            own = {}
            try:
                values[name] = _encoded(value, f"{key}/{name}", own)
            except TypeError:
                continue
            arrays |= own
    return values


def _encoded(value, key, arrays):
    """Returns a value as JSON, with its arrays added to `arrays`. Raises `TypeError` if it is none of those."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    # Objects, also as fields of a structured array, would be pickled.
    if type(value) is np.ndarray and not value.dtype.hasobject:
        arrays[key] = value
        return {_ARRAY: key}
    if isinstance(value, list):
        return [_encoded(each, f"{key}/{index}", arrays) for index, each in enumerate(value)]
    if isinstance(value, dict) and _ARRAY not in value and all(isinstance(name, str) for name in value):
        return {name: _encoded(each, f"{key}/{name}", arrays) for name, each in value.items()}
    raise TypeError(key)


def _decoded(value, arrays):
    if isinstance(value, list):
        return [_decoded(each, arrays) for each in value]
    if not isinstance(value, dict):
        return value
    return (
        arrays[value[_ARRAY]] if value.keys() == {_ARRAY} else {k: _decoded(each, arrays) for k, each in value.items()}
    )
