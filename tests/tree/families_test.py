import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from hypothesis import given

from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.families import leaves_and_blocks, max_of_blocks_and_gradient
from hierseg_keras.tree.ops import with_gradient
from tests import reference as equations
from tests.gradients import double_precision, evaluated, value_and_gradient
from tests.random_trees import class_trees

NUM_PIXELS = 5
SEEDS = st.integers(0, 2**32 - 1)

# human > (person, rider), vehicle > car > sedan, sky; nodes: person, rider, sedan, sky, car, human, vehicle.
TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\t\tsedan\nsky")


def max_over_descendants(tree, scores):
    """The largest score among each node and all nodes below it, `(..., V, N)`, of scores of this shape."""

    def function(scores):
        leaves, blocks = leaves_and_blocks(tree, scores)
        largest, backward = max_of_blocks_and_gradient(tree, leaves, blocks)

        def joined_backward(upstream):
            to_leaves, to_blocks = leaves_and_blocks(tree, upstream)
            from_blocks, to_blocks = backward(to_blocks)
            return keras.ops.concatenate([to_leaves + from_blocks, *to_blocks], axis=-2)

        return keras.ops.concatenate([leaves, *largest], axis=-2), joined_backward

    return with_gradient(function)(scores)


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


class MaxOfBlocksTest:
    def gradient(self, tree, scores, upstream):
        """The gradient of the outputs' sum, each output weighted by its `upstream`."""
        return value_and_gradient(
            lambda x: keras.ops.sum(max_over_descendants(tree, x) * keras.ops.convert_to_tensor(upstream)),
            scores,
            jit=True,
        )

    @given(class_trees(min_depth=4, min_leaves=4), SEEDS)
    def test_matches_numpy_reference(self, trees, seed):
        tree, reference = trees
        scores = np.random.default_rng(seed).normal(size=(tree.num_nodes, NUM_PIXELS)).astype("float32")
        (result,) = evaluated(lambda x: [max_over_descendants(tree, x)], scores)
        assert result.dtype == np.float32
        for pixel in range(NUM_PIXELS):
            assert np.array_equal(result[:, pixel], equations.max_over_descendants(reference, scores[:, pixel]))

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
                ahead = upstream[:, pixel] @ equations.max_over_descendants(reference, scores[:, pixel] + nudge)
                behind = upstream[:, pixel] @ equations.max_over_descendants(reference, scores[:, pixel] - nudge)
                np.testing.assert_allclose(gradient[v, pixel], (ahead - behind) / (2 * step), atol=1e-8)

    @given(class_trees(min_depth=4, min_leaves=4), SEEDS)
    def test_ties_share_the_gradient(self, trees, seed):
        tree, reference = trees
        rng = np.random.default_rng(seed)
        scores, upstream = tied_scores(rng, tree.num_nodes), rng.normal(size=(tree.num_nodes, NUM_PIXELS))
        with double_precision():
            _, gradient = self.gradient(tree, scores, upstream)
        for pixel in range(NUM_PIXELS):
            expected = equations.max_over_descendants_gradient(reference, scores[:, pixel], upstream[:, pixel])
            np.testing.assert_allclose(gradient[:, pixel], expected, atol=1e-12)

    def test_flat_tree_leaves_scores_as_they_are(self):
        tree = ClassTree(["road", "sky", "car"])
        scores = np.arange(6, dtype="float32").reshape(3, 2)
        value, gradient = self.gradient(tree, scores, np.ones_like(scores))
        assert value == scores.sum() and (gradient == 1).all()

    def test_lists_are_taken_too(self):
        result = max_over_descendants(ClassTree(["human/person", "human/rider"]), [[1.0], [3.0], [2.0]])
        expected = equations.max_over_descendants(
            equations.ReferenceTree([("human", "person"), ("human", "rider")]), [1.0, 3.0, 2.0]
        )
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
