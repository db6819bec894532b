"""The table of nodes against a lookup value by value."""

import numpy as np
import pytest
import tensorflow as tf

from hierseg_keras.data.node_table import NodeTable

NODES = {0: 3, 7: 0, 8: 1, 200: 255, 255: -1}
SWAP = np.array([1, 0, 2, 3], np.int32)


def looked_up(table, values, mirrored=False):
    look_up = tf.function(lambda values, mirrored: table.look_up(values, tf.constant("here"), mirrored))
    return look_up(tf.constant(values), tf.constant(mirrored)).numpy()


class NodeTableTest:
    @pytest.mark.parametrize("shape", [(4, 6, 1), (3, 5, 1), (1, 1, 1), (0, 4, 1), (7,)])
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
    @pytest.mark.parametrize("mirrored", [False, True])
    def test_every_value_gets_its_node(self, shape, dtype, mirrored):
        values = np.random.default_rng(0).choice(list(NODES), shape).astype(dtype)
        found = looked_up(NodeTable(NODES, swap=SWAP), values, mirrored)
        swapped = {value: SWAP[node] if mirrored and 0 <= node < 4 else node for value, node in NODES.items()}
        assert found.dtype == np.int32 and found.shape == shape
        assert found.ravel().tolist() == [swapped[value] for value in values.ravel().tolist()]

    @pytest.mark.parametrize("largest", [None, 255])
    def test_all_pairs_of_bytes(self, largest):
        table = NodeTable({5: 2, 6: 0}, unknown=9, largest=largest)
        pairs = np.stack(np.divmod(np.arange(65536), 256), axis=-1).astype(np.uint8)
        expected = np.full(256, 9)
        expected[[5, 6]] = 2, 0
        np.testing.assert_array_equal(looked_up(table, pairs), expected[pairs])

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
    def test_unknown_values_are_counted(self, dtype):
        values = np.array([[7, 9, 9], [8, 4, 9]], dtype)
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=r"here: expected class ids .* 9 \(3 pixels\), 4 \(1 pixel\)"
        ):
            looked_up(NodeTable(NODES), values)
