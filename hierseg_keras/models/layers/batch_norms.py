"""What is set in all batch normalizations of a network at once."""

import keras
from keras import layers


def check_synchronized(model, is_synchronized):
    """Refuses batch statistics over all replicas where Keras has none, naming the model."""
    if is_synchronized and keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"`{model}` expects `synchronized_batch_norm=False` off the TensorFlow backend, where Keras has none. "
            f"Received: synchronized_batch_norm={is_synchronized} on {keras.backend.backend()}."
        )


def synchronize(model, is_synchronized):
    """Whether batch statistics are taken over all replicas of `tf.distribute`, and not over each."""
    for layer in batch_norms(model):
        layer.synchronized = is_synchronized


def batch_norms(model):
    """All batch normalizations of a network, those of the models and of the pyramid pooling inside of it too."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            yield layer
        elif isinstance(layer, keras.Model):
            yield from batch_norms(layer)
        elif hasattr(layer, "batch_norm_layers"):
            yield from layer.batch_norm_layers()
