import hypothesis.strategies as st
import keras
import numpy as np
from hypothesis import given

from hierseg_keras.losses.coherent_logits import min_along_path_and_gradient
from hierseg_keras.tree.ops import pick_row, with_gradient
from tests.gradients import double_precision, evaluated, value_and_gradient

NUM_PIXELS = 5
SEEDS = st.integers(0, 2**32 - 1)


class MinAlongPathTest:
    """Each step's least score so far, and its gradient."""

    def gradient(self, scores, upstream):
        def function(x):
            least, backward = min_along_path_and_gradient(keras.ops.unstack(x))
            return keras.ops.stack(least), lambda upstream: keras.ops.stack(backward(keras.ops.unstack(upstream)))

        def total(x):
            return keras.ops.sum(with_gradient(function)(x) * keras.ops.convert_to_tensor(upstream))

        return value_and_gradient(total, scores, jit=True)

    @given(st.integers(1, 6), SEEDS)
    def test_matches_numpy_reference(self, num_steps, seed):
        scores = np.random.default_rng(seed).normal(size=(num_steps, NUM_PIXELS)).astype("float32")
        (result,) = evaluated(lambda x: [keras.ops.stack(min_along_path_and_gradient(keras.ops.unstack(x))[0])], scores)
        assert np.array_equal(result, np.minimum.accumulate(scores))

    @given(st.integers(1, 6), SEEDS)
    def test_ties_share_the_gradient(self, num_steps, seed):
        rng = np.random.default_rng(seed)
        scores = rng.integers(-1, 2, (num_steps, NUM_PIXELS)).astype("float64")
        upstream = rng.normal(size=scores.shape)
        with double_precision():
            _, gradient = self.gradient(scores, upstream)
        expected = np.zeros_like(scores)
        for step, pixel in np.ndindex(*scores.shape):
            so_far = scores[: step + 1, pixel]
            is_least = so_far == so_far.min()
            expected[: step + 1, pixel] += upstream[step, pixel] * is_least / is_least.sum()
        np.testing.assert_allclose(gradient, expected, atol=1e-12)

    def test_empty_steps_take_no_part(self):
        scores = np.array([[2.0], [np.inf], [3.0], [1.0]], "float32")
        _, gradient = self.gradient(scores, np.ones_like(scores))
        assert gradient[:, 0].tolist() == [3, 0, 0, 1]


class PickRowTest:
    @given(SEEDS)
    def test_matches_numpy_reference(self, seed):
        rng = np.random.default_rng(seed)
        rows, index = rng.normal(size=(5, 4)).astype("float32"), rng.integers(0, 5, 4).astype("int32")
        (result,) = evaluated(lambda x: [pick_row(x, keras.ops.convert_to_tensor(index))], rows)
        assert np.array_equal(result, rows[index, np.arange(4)])
