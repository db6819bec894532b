"""Attention in windows beside a NumPy reference that looks at all pairs of pixels."""

import keras
import numpy as np
import pytest

from hierseg_keras.models.backbones.swin_stages import MergePatches
from hierseg_keras.models.backbones.window_attention import PadToWindows, WindowAttention

HEADS, CHANNELS = 2, 6


def numpy_of(tensor):
    return keras.ops.convert_to_numpy(tensor)


def reference(qkv, table, window, is_shifted):
    """Pixels see each other where the grid of windows, moved by half a window, has them in one cell."""
    batch, height, width, _ = qkv.shape
    cells, places = [], []
    for length in (height, width):
        shift = window // 2 if is_shifted and length > window else 0
        cells.append((np.arange(length) - shift) // window)
        places.append(np.arange(length))
    cell = np.stack(np.meshgrid(*cells, indexing="ij"), -1).reshape(-1, 2)
    place = np.stack(np.meshgrid(*places, indexing="ij"), -1).reshape(-1, 2)
    together = (cell[:, None] == cell[None]).all(-1)
    apart = np.clip(place[:, None] - place[None], 1 - window, window - 1) + window - 1
    bias = table[apart[..., 0] * (2 * window - 1) + apart[..., 1]]
    query, key, value = np.moveaxis(qkv.reshape(batch, -1, 3, HEADS, CHANNELS // HEADS), 2, 0)
    similarity = np.einsum("bphc,bqhc->bhpq", query, key) / np.sqrt(CHANNELS // HEADS)
    weights = np.where(together, np.exp(similarity + np.moveaxis(bias, -1, 0)), 0)
    weights /= weights.sum(-1, keepdims=True)
    return np.einsum("bhpq,bqhc->bphc", weights, value).reshape(batch, height, width, CHANNELS)


class WindowAttentionTest:
    @pytest.mark.parametrize("size", [(4, 4), (8, 12), (4, 16)])
    @pytest.mark.parametrize("is_shifted", [False, True])
    def test_matches_numpy_reference(self, size, is_shifted):
        rng = np.random.default_rng(0)
        qkv = rng.normal(size=(2, *size, 3 * CHANNELS))
        layer = WindowAttention(HEADS, 4, is_shifted)
        layer.build(qkv.shape)
        table = rng.normal(size=layer.relative_position_bias_table.shape)
        layer.relative_position_bias_table.assign(table)
        expected = reference(qkv, table, 4, is_shifted)
        np.testing.assert_allclose(numpy_of(layer(qkv.astype("float32"))), expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="sizes are always known there")
    def test_size_known_only_when_it_runs(self):
        import tensorflow as tf

        layer = WindowAttention(HEADS, 4, is_shifted=True)
        qkv = np.random.default_rng(0).normal(size=(1, 8, 4, 3 * CHANNELS)).astype("float32")
        expected = layer(qkv)
        run = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 3 * CHANNELS))])
        np.testing.assert_allclose(run(qkv), expected, rtol=1e-5, atol=1e-6)

    def test_padding_makes_whole_windows(self):
        x = np.ones((1, 5, 8, 2), "float32")
        padded = numpy_of(PadToWindows(4)(x))
        assert padded.shape == (1, 8, 8, 2) and padded.sum() == x.sum() and (padded[:, :5] == 1).all()
        assert PadToWindows(4).compute_output_shape((None, 5, None, 2)) == (None, 8, None, 2)

    def test_patches_are_merged_column_by_column(self):
        x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
        np.testing.assert_array_equal(numpy_of(MergePatches()(x))[0, 0], [[0, 4, 1, 5], [2, 6, 3, 7]])
