"""DETR's decoder: learned queries that attend to a map."""

import keras
import numpy as np
from keras import layers, ops

EPSILON = 1e-5
_TEMPERATURE = 10000


@keras.saving.register_keras_serializable("hierseg_keras")
class SinePosition(keras.layers.Layer):
    """Computes a position encoding of each pixel.

    The first half of the channels holds sines and cosines of the row, and the second half those of the
    column. Rows and columns are numbered from 1 and scaled to `(0, 2 pi]`, so that the range does not
    depend on the size of the map.

    Call arguments:
        x: Tensor, `(B, h, w, C)`, with `C` a multiple of 4. Only its shape is used.

    Returns:
        Tensor, `(1, h, w, C)`.

    Reference:
        [Carion et al., DETR, ECCV 2020](https://arxiv.org/abs/2005.12872), appendix A.4.
    """

    def call(self, x):
        _, height, width, channels = ops.shape(x)
        rows, columns = (_waves(length, channels // 2) for length in (height, width))
        rows = ops.broadcast_to(rows[:, None], (height, width, channels // 2))
        columns = ops.broadcast_to(columns[None], (height, width, channels // 2))
        return ops.cast(ops.concatenate([rows, columns], axis=-1)[None], self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (1, *input_shape[1:])


def _waves(length, channels):
    """Computes pairs of sine and cosine along an axis, `(length, channels)`."""
    place = ops.cast(ops.arange(length) + 1, "float32") / ops.cast(length, "float32") * (2 * np.pi)
    frequencies = _TEMPERATURE ** -(np.arange(0, channels, 2, "float32") / channels)
    angles = place[:, None] * frequencies
    return ops.reshape(ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1), (-1, channels))


@keras.saving.register_keras_serializable("hierseg_keras")
class Queries(keras.layers.Layer):
    """Returns learned vectors, the same for each image of a batch.

    Args:
        count: Number of queries.

    Call arguments:
        x: Tensor, `(B, ..., C)`. Only its batch size and number of channels are used.

    Returns:
        Tensor, `(B, count, C)`.
    """

    def __init__(self, count, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def build(self, input_shape):
        initializer = keras.initializers.RandomNormal(stddev=1.0)
        self.vectors = self.add_weight((self.count, input_shape[-1]), initializer=initializer, name="vectors")

    def call(self, x):
        vectors = ops.cast(self.vectors, self.compute_dtype)[None]
        return ops.broadcast_to(vectors, (ops.shape(x)[0], self.count, x.shape[-1]))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.count, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "count": self.count}


def query_decoder(x, num_queries, num_layers, num_heads, dropout):
    """Builds a decoder whose learned queries attend to each other and to a map in each layer.

    Args:
        x: Symbolic map, `(B, h, w, C)`.
        num_queries: Number of queries.
        num_layers: Number of decoder layers.
        num_heads: Number of attention heads.
        dropout: Dropout rate of attention weights and residual branches.

    Returns:
        List of `num_layers` symbolic tensors, `(B, num_queries, C)`: the normalized queries after each
        layer.
    """
    channels = x.shape[-1]
    flatten = layers.Reshape((-1, channels), name="flatten_map")
    memory = flatten(x)
    keys = flatten(layers.Add(name="placed_map")([x, SinePosition(name="position")(x)]))
    place = Queries(num_queries, name="queries")(x)
    norm, states = layers.LayerNormalization(epsilon=EPSILON, name="queries_norm"), []
    state = ops.zeros_like(place)
    for i in range(num_layers):
        name = f"decoder_{i}"
        placed = state + place
        heads = {"num_heads": num_heads, "key_dim": channels // num_heads, "dropout": dropout}
        among = layers.MultiHeadAttention(**heads, name=f"{name}_among")(placed, state, placed)
        state = _added(state, among, dropout, f"{name}_among")
        seen = layers.MultiHeadAttention(**heads, name=f"{name}_seen")(state + place, memory, keys)
        state = _added(state, seen, dropout, f"{name}_seen")
        hidden = layers.Dense(8 * channels, activation="relu", name=f"{name}_hidden")(state)
        hidden = layers.Dropout(dropout, name=f"{name}_hidden_dropout")(hidden)
        state = _added(state, layers.Dense(channels, name=f"{name}_output")(hidden), dropout, f"{name}_output")
        states.append(norm(state))
    return states


def _added(state, change, dropout, name):
    change = layers.Dropout(dropout, name=f"{name}_dropout")(change)
    return layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm")(state + change)
