"""The configuration of models, from which they are saved and loaded."""

import json

import keras
import numpy as np

from hierseg_keras.arguments.renamed_arguments import with_new_names
from hierseg_keras.models.configuration.dtype_policies import under_policy
from hierseg_keras.models.graph.frozen_layers import freeze_layers, frozen_layers
from hierseg_keras.models.keras_cv import keras_cv_parts

# The policy under which a constructor builds its layers. It is no argument of the constructor.
_POLICY = "dtype_policy"


def remember_arguments(model, arguments):
    """Stores a model's constructor arguments for `config_of`, and the dtype policy under which it is constructed.

    Networks are stored as their configurations.
    """
    values = {name: _serialized(value) for name, value in arguments.items()}
    values[_POLICY] = _saved_policy(keras.config.dtype_policy())
    # Stored as JSON, because Keras would track a dict attribute as a sub-layer.
    model._arguments = json.dumps(values, default=_plain)


def config_of(model):
    """Returns a model's configuration: its constructor's arguments, dtype policy, name, and paths of frozen layers."""
    return {**json.loads(model._arguments), "name": model.name, "frozen": frozen_layers(model)}


def model_from_config(cls, config):
    """Makes a model from a configuration returned by `config_of`, of this or an earlier version."""
    config = with_new_names(config)
    frozen = config.pop("frozen", None)
    is_trainable = config.pop("trainable", True)
    # Earlier versions saved no policy. Their layers are built under the global one.
    policy = config.pop(_POLICY, None)
    with under_policy(None if policy is None else keras.dtype_policies.get(policy)):
        model = cls(**{name: _deserialized(value) for name, value in config.items()})
    if frozen is not None:
        freeze_layers(model, frozen)
    elif not is_trainable:
        model.trainable = False
    return model


def _serialized(value):
    if isinstance(value, (keras.KerasTensor, keras.Layer, keras.Loss)):
        return keras.saving.serialize_keras_object(value)
    return value


def _saved_policy(policy):
    """Returns the name of a policy, which describes it, unless it maps layers to policies."""
    is_map = isinstance(policy, keras.dtype_policies.DTypePolicyMap)
    return keras.dtype_policies.serialize(policy) if is_map else policy.name


def _plain(value):
    """Returns a number or array of NumPy as one of Python."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"expected an argument that JSON can hold. Received: {value!r} of type {type(value).__name__}.")


def _deserialized(value):
    if not isinstance(value, dict) or "class_name" not in value:
        return value
    if "keras_cv" in f"{value.get('registered_name')} {value.get('module')}":
        # Importing KerasCV registers its classes.
        keras_cv_parts()
    return keras.saving.deserialize_keras_object(value)
