"""Settings of all batch normalization layers of a network."""

import keras
from keras import layers


def check_synchronized(model, is_synchronized):
    """Raises `ValueError`, naming the model, if the backend does not support synchronized batch statistics."""
    if is_synchronized and keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"`{model}` expects `synchronized_batch_norm=False` on backends other than TensorFlow, where Keras does "
            f"not support it. Received: synchronized_batch_norm={is_synchronized} on {keras.backend.backend()}. Leave "
            "it out, or set KERAS_BACKEND=tensorflow."
        )


def synchronize(model, is_synchronized):
    """Sets whether batch statistics are computed over all replicas of `tf.distribute`, or per replica."""
    for layer in batch_norms(model):
        layer.synchronized = is_synchronized


def batch_norms(model):
    """Yields all batch normalization layers of a network: also in nested models, pyramid pooling, auxiliary heads."""
    # The layers of auxiliary heads belong to the model of the training alone.
    for layer in getattr(model, "training_model", model).layers:
        if isinstance(layer, layers.BatchNormalization):
            yield layer
        elif isinstance(layer, keras.Model):
            yield from batch_norms(layer)
        elif hasattr(layer, "batch_norm_layers"):
            yield from layer.batch_norm_layers()
