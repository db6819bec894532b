import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from hypothesis import given

from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.ops import (
    argmax,
    max_over_descendants,
    min_along_path_and_gradient,
    pick_channel,
    pick_row,
    sum_over_leaves,
    sum_over_path,
    with_gradient,
)
from tests import reference as equations
from tests.gradients import double_precision, evaluated, value_and_gradient
from tests.random_trees import class_trees

NUM_PIXELS = 5
SEEDS = st.integers(0, 2**32 - 1)

# human > (person, rider), vehicle > car > sedan, sky; nodes: person, rider, sedan, sky, car, human, vehicle.
TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\t\tsedan\nsky")


def distinct_scores(rng, num_nodes):
    """Scores at least 0.1 apart, so that a nudge changes no order."""
    ranks = np.stack([rng.permutation(num_nodes) for _ in range(NUM_PIXELS)], axis=1)
    return 0.2 * ranks + rng.uniform(0, 0.1, ranks.shape)


def tied_scores(rng, num_nodes):
    """Scores of three values only, so that most families hold ties, across generations too.

    The last pixel's are all zero, as every score of a zero-initialized head is.
    """
    scores = rng.integers(-1, 2, (num_nodes, NUM_PIXELS)).astype("float64")
    scores[:, -1] = 0
    return scores


class MaxOverDescendantsTest:
    function = staticmethod(max_over_descendants)
    expected = staticmethod(equations.max_over_descendants)
    expected_gradient = staticmethod(equations.max_over_descendants_gradient)

    def gradient(self, tree, scores, upstream):
        """The gradient of the outputs' sum, each output weighted by its `upstream`."""
        return value_and_gradient(
            lambda x: keras.ops.sum(self.function(tree, x) * keras.ops.convert_to_tensor(upstream)), scores, jit=True
        )

    @given(class_trees(min_depth=4, min_leaves=4), SEEDS)
    def test_matches_numpy_reference(self, trees, seed):
        tree, reference = trees
        scores = np.random.default_rng(seed).normal(size=(tree.num_nodes, NUM_PIXELS)).astype("float32")
        (result,) = evaluated(lambda x: [self.function(tree, x)], scores)
        assert result.dtype == np.float32
        for pixel in range(NUM_PIXELS):
            assert np.array_equal(result[:, pixel], self.expected(reference, scores[:, pixel]))

    @given(class_trees(min_depth=4, min_leaves=4), SEEDS)
    def test_gradient_matches_central_differences(self, trees, seed):
        tree, reference = trees
        rng = np.random.default_rng(seed)
        scores, upstream = distinct_scores(rng, tree.num_nodes), rng.normal(size=(tree.num_nodes, NUM_PIXELS))
        with double_precision():
            _, gradient = self.gradient(tree, scores, upstream)
        step = 1e-5
        for pixel in range(NUM_PIXELS):
            for v in range(tree.num_nodes):
                nudge = step * np.eye(tree.num_nodes)[v]
                ahead = upstream[:, pixel] @ self.expected(reference, scores[:, pixel] + nudge)
                behind = upstream[:, pixel] @ self.expected(reference, scores[:, pixel] - nudge)
                np.testing.assert_allclose(gradient[v, pixel], (ahead - behind) / (2 * step), atol=1e-8)

    @given(class_trees(min_depth=4, min_leaves=4), SEEDS)
    def test_ties_share_the_gradient(self, trees, seed):
        tree, reference = trees
        rng = np.random.default_rng(seed)
        scores, upstream = tied_scores(rng, tree.num_nodes), rng.normal(size=(tree.num_nodes, NUM_PIXELS))
        with double_precision():
            _, gradient = self.gradient(tree, scores, upstream)
        for pixel in range(NUM_PIXELS):
            expected = self.expected_gradient(reference, scores[:, pixel], upstream[:, pixel])
            np.testing.assert_allclose(gradient[:, pixel], expected, atol=1e-12)

    def test_flat_tree_leaves_scores_as_they_are(self):
        tree = ClassTree(["road", "sky", "car"])
        scores = np.arange(6, dtype="float32").reshape(3, 2)
        value, gradient = self.gradient(tree, scores, np.ones_like(scores))
        assert value == scores.sum() and (gradient == 1).all()

    def test_lists_are_taken_too(self):
        result = self.function(ClassTree(["human/person", "human/rider"]), [[1.0], [3.0], [2.0]])
        expected = self.expected(equations.ReferenceTree([("human", "person"), ("human", "rider")]), [1.0, 3.0, 2.0])
        assert keras.ops.convert_to_numpy(result)[:, 0].tolist() == expected.tolist()

    def test_hand_computed_value(self):
        scores = [[1.0], [4.0], [6.0], [2.0], [5.0], [3.0], [0.0]]
        # car: max(5, sedan 6); human: max(3, person 1, rider 4); vehicle: max(0, car 5, sedan 6).
        result = keras.ops.convert_to_numpy(max_over_descendants(TREE, scores))
        assert result[:, 0].tolist() == [1, 4, 6, 2, 6, 4, 6]

    @pytest.mark.parametrize(
        "scores, expected",
        [
            # vehicle, car and sedan tie across three generations.
            ([0, 0, 7, 0, 7, 0, 7], [0, 0, 1 / 3, 0, 1 / 3, 0, 1 / 3]),
            # sedan ties with vehicle across car, which is less.
            ([0, 0, 7, 0, 1, 0, 7], [0, 0, 1 / 2, 0, 0, 0, 1 / 2]),
            # vehicle is least: its two descendants share.
            ([0, 0, 7, 0, 7, 0, 1], [0, 0, 1 / 2, 0, 1 / 2, 0, 0]),
        ],
    )
    def test_hand_computed_ties(self, scores, expected):
        upstream = np.eye(7, dtype="float32")[:, [6]]
        _, gradient = self.gradient(TREE, np.array(scores, "float32")[:, None], upstream)
        np.testing.assert_allclose(gradient[:, 0], expected, rtol=1e-6)


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


class PickTest:
    @given(SEEDS)
    def test_matches_numpy_reference(self, seed):
        rng = np.random.default_rng(seed)
        values, index = rng.normal(size=(2, 3, 4, 5)).astype("float32"), rng.integers(0, 5, (2, 3, 4)).astype("int32")
        expected = np.take_along_axis(values, index[..., None], axis=-1)[..., 0]
        (result,) = evaluated(lambda x: [pick_channel(x, keras.ops.convert_to_tensor(index))], values)
        assert np.array_equal(result, expected)
        rows = np.ascontiguousarray(np.swapaxes(values, -1, -2))
        (result,) = evaluated(lambda x: [pick_row(x, keras.ops.convert_to_tensor(index))], rows)
        assert np.array_equal(result, expected)


class ArgmaxTest:
    @pytest.mark.parametrize("symbolic", [False, True])
    def test_first_of_equal_ones_as_numpy_has_it(self, symbolic):
        x = np.array([[2, 2, 1], [-0.0, 0.0, -1], [0.0, -0.0, 0.0], [-np.inf, -np.inf, -np.inf], [1, 2, 2]], "float32")
        if symbolic:
            image = keras.Input((3,))
            index = keras.Model(image, argmax(image))(x)
        else:
            index = argmax(x)
        assert keras.backend.standardize_dtype(index.dtype) == "int32"
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(index), x.argmax(axis=-1))


class SumOverLeavesTest:
    def test_hand_computed_value(self):
        result = sum_over_leaves(TREE, keras.ops.convert_to_tensor([0.1, 0.2, 0.3, 0.4]))
        # car: sedan; human: person + rider; vehicle: sedan.
        np.testing.assert_allclose(result, [0.3, 0.3, 0.3], rtol=1e-6)

    @given(class_trees(min_depth=4, min_leaves=4), SEEDS)
    def test_matches_numpy_reference(self, trees, seed):
        tree, reference = trees
        values = np.random.default_rng(seed).uniform(size=(2, 3, tree.num_leaves)).astype("float32")
        (result,) = evaluated(lambda x: [sum_over_leaves(tree, x)], values)
        for pixel in np.ndindex(2, 3):
            expected = equations.sum_over_leaves(reference, values[pixel])[tree.num_leaves :]
            np.testing.assert_allclose(result[pixel], expected, rtol=1e-5)


class SumOverPathTest:
    def test_hand_computed_value(self):
        result = sum_over_path(TREE, keras.ops.convert_to_tensor([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]))
        # D = 3: person: human 32 + 1 + 1; rider: 32 + 2 + 2; sedan: 64 + 16 + 4; sky: 8 + 8 + 8.
        assert keras.ops.convert_to_numpy(result).tolist() == [34, 36, 84, 24]

    @given(class_trees(min_depth=4, min_leaves=4), SEEDS)
    def test_matches_numpy_reference(self, trees, seed):
        tree, reference = trees
        values = np.random.default_rng(seed).normal(size=(2, 3, tree.num_nodes)).astype("float32")
        (result,) = evaluated(lambda x: [sum_over_path(tree, x)], values)
        for pixel in np.ndindex(2, 3):
            expected = equations.sum_over_path(reference, values[pixel])
            np.testing.assert_allclose(result[pixel], expected, rtol=1e-5, atol=1e-6)
