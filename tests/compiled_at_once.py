"""A network called once, in the way that takes its backend least."""

import keras


def at_once(model):
    """JAX compiles each operation of a call by itself, which takes longer than all of them together."""
    return model.predict_on_batch if keras.backend.backend() == "jax" else model
