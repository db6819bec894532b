"""Losses in blocks of pixels: the same as all pixels at once, for any number of them."""

import keras
import numpy as np
import pytest
from keras import ops

from hierseg_keras.losses import FocalTreeMin, HierarchicalCrossentropy, TreeMinCrossentropy, one_pass
from hierseg_keras.losses.one_pass import in_one_pass, map_blocks
from hierseg_keras.tree import ClassTree
from tests.gradients import IS_TENSORFLOW, compiled, evaluated, value_and_gradient

TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\t\tsedan\nsky")
IGNORED = 255


@pytest.fixture(params=[1, 7, 16, 10**6], ids="{} pixels per block".format)
def blocks(request, monkeypatch):
    """Blocks of at most so many pixels of four channels."""
    monkeypatch.setattr(one_pass, "_CPU_BYTES", request.param * 16)
    return request.param


def cubes(logits, labels):
    """The sum of the cubes of a pixel's logits, times its label, and the gradient."""
    factor = ops.cast(labels, logits.dtype)
    return ops.sum(logits**3, axis=1) * factor, 3 * logits**2 * factor[:, None]


class OnePassTest:
    @pytest.mark.parametrize("image", [(1, 1, 1), (2, 3, 4), (1, 5, 7), (3, 11, 13)])
    def test_values_and_gradient_of_every_pixel(self, image, blocks):
        rng = np.random.default_rng(0)
        logits, labels = rng.normal(size=(*image, 4)).astype("float32"), rng.integers(0, 5, image).astype("int32")
        upstream = rng.normal(size=image).astype("float32")
        (values,) = evaluated(lambda x: [in_one_pass(cubes, x, ops.convert_to_tensor(labels))], logits)
        np.testing.assert_allclose(values, (logits**3).sum(-1) * labels, rtol=1e-5, atol=1e-6)

        def total(x):
            return ops.sum(in_one_pass(cubes, x, ops.convert_to_tensor(labels)) * ops.convert_to_tensor(upstream))

        _, gradient = value_and_gradient(total, logits, jit=True)
        np.testing.assert_allclose(gradient, 3 * logits**2 * (labels * upstream)[..., None], rtol=1e-5, atol=1e-6)

    @pytest.mark.skipif(not IS_TENSORFLOW, reason="graphs of unknown sizes are TensorFlow's")
    @pytest.mark.parametrize("known", [(None, None, None), (None, 6, 5), (2, None, 5), (2, 6, 5)], ids=str)
    def test_sizes_that_a_graph_does_not_know(self, known, blocks):
        import tensorflow as tf

        signature = [tf.TensorSpec((*known, 4), tf.float32), tf.TensorSpec(known, tf.int32)]
        function = tf.function(lambda x, labels: in_one_pass(cubes, x, labels), input_signature=signature)
        rng = np.random.default_rng(1)
        logits, labels = rng.normal(size=(2, 6, 5, 4)).astype("float32"), rng.integers(0, 5, (2, 6, 5)).astype("int32")
        values = function(logits, labels)
        np.testing.assert_allclose(values, (logits**3).sum(-1) * labels, rtol=1e-5, atol=1e-6)

    def test_results_may_have_further_axes(self, blocks):
        logits, labels = np.ones((1, 5, 7, 4), "float32"), np.arange(35, dtype="int32").reshape(1, 5, 7)
        double, square = map_blocks(
            lambda x, y: (x * 2, ops.stack([y, y * y], axis=1)),
            ops.convert_to_tensor(logits),
            ops.convert_to_tensor(labels),
        )
        np.testing.assert_array_equal(double, logits * 2)
        np.testing.assert_array_equal(square, np.stack([labels, labels**2], axis=-1))

    @pytest.mark.skipif(not IS_TENSORFLOW, reason="JAX itself traces the function of a map once")
    def test_a_graph_traces_the_function_once(self, monkeypatch):
        monkeypatch.setattr(one_pass, "_CPU_BYTES", 16 * 7)
        logits, labels = ops.ones((1, 5, 7, 4)), ops.ones((1, 5, 7), "int32")
        calls = []

        def traced(logits, labels):
            calls.append(logits.shape)
            return cubes(logits, labels)

        values = compiled(lambda x: in_one_pass(traced, x, labels))(logits)
        np.testing.assert_array_equal(values, np.full((1, 5, 7), 4.0))
        assert calls == [(7, 4)]
        calls.clear()
        # Eagerly, each of the five blocks is computed once.
        in_one_pass(traced, logits, labels)
        assert calls == [(7, 4)] * 5


class LossesInBlocksTest:
    @pytest.mark.parametrize("averaging", ["pixels", "depth"])
    @pytest.mark.parametrize("loss", [FocalTreeMin, HierarchicalCrossentropy, TreeMinCrossentropy])
    def test_the_same_as_in_one_block(self, loss, averaging, monkeypatch):
        rng = np.random.default_rng(2)
        labels = rng.integers(0, TREE.num_nodes, (2, 9, 11)).astype("int32")
        labels[:, :3, :4] = IGNORED
        loss = loss(TREE, averaging=averaging, class_weights=rng.uniform(0.5, 2, TREE.num_nodes))
        num_channels = TREE.num_leaves if loss.scores == "leaves" else TREE.num_nodes
        logits = rng.normal(0, 3, (2, 9, 11, num_channels)).astype("float32")
        # Ties in one block, a score that is NaN at an ignored pixel of another, and a label that is all but impossible.
        logits[0, 4, 4] = 0.0
        logits[0, 0, 0, 0] = np.nan
        logits[1, 8, 8, 0] = 200.0
        weights = rng.uniform(size=labels.shape).astype("float32")

        def results():
            return value_and_gradient(lambda x: loss(labels, x, ops.convert_to_tensor(weights)), logits, jit=True)

        expected, expected_gradient = results()
        monkeypatch.setattr(one_pass, "_CPU_BYTES", 17 * 4 * num_channels)
        value, gradient = results()
        assert np.isfinite(value) and np.all(gradient[labels == IGNORED] == 0)
        np.testing.assert_allclose(value, expected, rtol=1e-6)
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-5, atol=1e-9)


class BlockSizeTest:
    def test_images_with_divisors_are_not_copied(self):
        for image in [(8, 480, 480), (2, 512, 1024), (1, 1024, 2048), (4, 360, 480), (2, 513, 1025)]:
            size = one_pass._block_size((*image, 26))
            assert np.prod(image) % size == 0
            assert one_pass._CPU_BYTES / 8 <= size * 26 * 4 <= one_pass._CPU_BYTES

    def test_devices_that_share_a_batch_have_one_block(self, monkeypatch):
        devices = type("Mesh", (), {"devices": np.arange(2)})
        distribution = type("Distribution", (), {"device_mesh": devices})
        monkeypatch.setattr(keras.distribution, "distribution", lambda: distribution)
        monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
        assert one_pass._block_size((8, 480, 480, 26)) is None

    def test_blocks_of_a_gpu_are_large(self, monkeypatch):
        monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0", "gpu:0"])
        assert one_pass._block_size((8, 480, 480, 26)) * 26 * 4 > 1 << 24
