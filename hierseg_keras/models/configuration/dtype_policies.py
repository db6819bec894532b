"""The dtype policies of models and their layers."""

import contextlib

import keras

_SCALED = "mixed_float16"


@contextlib.contextmanager
def under_policy(policy):
    """Makes a policy the global one of Keras for the layers that the block builds. `None` keeps the global one."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(before if policy is None else policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def scale_loss_for(model, network):
    """Gives a model the policy `"mixed_float16"` if a layer of the network that it trains has it.

    Keras scales the loss only if the compiled model itself has this policy. A network may have been built under it, and
    the model around the network under another one.

    Args:
        model: `keras.Model` that is compiled.
        network: `keras.Model` whose layers it trains; may be the model itself.
    """
    # Keras does not save the policies of models and inputs, but gives them the global one when they are loaded.
    saved = (x for x in network._flatten_layers() if not isinstance(x, (keras.Model, keras.layers.InputLayer)))
    if model.dtype_policy.name != _SCALED and any(layer.dtype_policy.name == _SCALED for layer in saved):
        model.dtype_policy = _SCALED
