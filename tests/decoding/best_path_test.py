import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from hypothesis import given

from hierseg_keras.decoding import best_path
from hierseg_keras.tree import ClassTree
from tests import reference as equations
from tests.gradients import compiled, evaluated
from tests.random_trees import class_trees

SEEDS = st.integers(0, 2**32 - 1)

# Nodes: person, rider, sedan, sky, car, human, vehicle.
TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\t\tsedan\nsky")


def logit(probabilities):
    probabilities = np.asarray(probabilities, np.float32)
    return np.log(probabilities / (1 - probabilities))


class BestPathTest:
    @pytest.mark.parametrize(
        "probabilities, leaf, score",
        [
            # D = 3: person 0.9 + 0.6 + 0.6 = 2.1; rider 0.9 + 2 * 0.1; sedan 0.5 + 0.8 + 0.9 = 2.2; sky 3 * 0.7 = 2.1.
            ([0.6, 0.1, 0.9, 0.7, 0.8, 0.9, 0.5], 2, 2.2),
            # The surest leaf, sedan, loses by its ancestors: 0.1 + 0.1 + 0.95 = 1.15 against sky's 1.2.
            ([0.1, 0.1, 0.95, 0.4, 0.1, 0.2, 0.1], 3, 1.2),
        ],
    )
    def test_hand_computed_node_logits(self, probabilities, leaf, score):
        result = best_path(TREE, logit(probabilities))
        assert int(result[0]) == leaf
        np.testing.assert_allclose(result[1], score, rtol=1e-5)

    @pytest.mark.parametrize("run", [lambda function, x: function(x), evaluated])
    def test_of_equal_paths_the_first_leaf_wins(self, run):
        """`a` and `c` have a parent, which is as probable as `b`; all leaves have the same score."""
        tree = ClassTree.from_text("p\n\ta = 0\n\tc = 2\nb = 1\nq\n\td = 3\n\te = 4")
        scores = np.zeros((2, tree.num_nodes), "float32")
        # In the second pixel the best leaves are c and b, whose paths are equal too.
        scores[1, [1, 2, tree.index("p")]] = 3
        leaf, score = run(lambda x: best_path(tree, x), scores)
        assert np.asarray(leaf).tolist() == [0, 1]
        np.testing.assert_allclose(score, [1, 2 / (1 + np.exp(-3))], rtol=1e-6)

    def test_of_siblings_the_largest_logit_wins_where_probabilities_round_to_one(self):
        logits = np.array([30.0, 40.0, 0, 0, 20.0, 20.0, 0], "float32")
        assert int(best_path(TREE, logits)[0]) == 1

    def test_hand_computed_leaf_logits(self):
        # The arg-max leaf is sky, though human's leaves hold more together; its path is 3 * 0.4.
        leaf, score = best_path(TREE, np.log(np.array([0.35, 0.15, 0.1, 0.4], "float32")))
        assert int(leaf) == 3
        np.testing.assert_allclose(score, 1.2, rtol=1e-5)
        # person: human 0.5, then 0.3 twice.
        leaf, score = best_path(TREE, np.log(np.array([0.3, 0.2, 0.25, 0.25], "float32")))
        assert int(leaf) == 0
        np.testing.assert_allclose(score, 1.1, rtol=1e-5)

    def test_docstring_example(self):
        tree = ClassTree.from_text("human\n\tperson\n\trider\nsky")
        leaf, score = best_path(tree, logit([0.6, 0.1, 0.7, 0.9]))
        assert int(leaf) == 0
        np.testing.assert_allclose(score, 1.5, rtol=1e-5)

    @pytest.mark.parametrize("scores", ["nodes", "leaves"])
    @given(trees=class_trees(min_depth=4, min_leaves=4), seed=SEEDS)
    def test_matches_numpy_reference(self, scores, trees, seed):
        tree, reference = trees
        channels = tree.num_nodes if scores == "nodes" else tree.num_leaves
        logits = np.random.default_rng(seed).normal(0, 2, (2, 3, 2, channels)).astype("float32")
        leaf, score = evaluated(lambda x: best_path(tree, x, scores), logits)
        assert leaf.dtype == np.int32 and leaf.shape == score.shape == (2, 3, 2)
        for pixel in np.ndindex(2, 3, 2):
            sums = equations.path_scores(reference, logits[pixel].astype("float64"), scores)
            by = sums if scores == "nodes" else logits[pixel]
            # Paths nearer than float32 can tell apart may go either way.
            assert by[leaf[pixel]] >= by.max() - 1e-5
            np.testing.assert_allclose(score[pixel], sums[leaf[pixel]], rtol=1e-5)
            assert 0 <= score[pixel] <= tree.num_levels * (1 + 1e-6)

    @pytest.mark.parametrize("channels", [TREE.num_nodes, TREE.num_leaves])
    def test_numpy_tensor_and_graph_agree(self, channels):
        logits = np.random.default_rng(0).normal(size=(2, 2, 2, channels)).astype("float32")
        leaf, score = map(keras.ops.convert_to_numpy, best_path(TREE, logits))
        in_graph = compiled(lambda x: best_path(TREE, x))
        for other in (best_path(TREE, keras.ops.convert_to_tensor(logits)), in_graph(logits)):
            np.testing.assert_array_equal(other[0], leaf)
            np.testing.assert_allclose(other[1], score, rtol=1e-6)

    def test_one_pixel_and_any_leading_shape(self):
        logits = np.random.default_rng(0).normal(size=(5, 7)).astype("float32")
        leaf, score = map(keras.ops.convert_to_numpy, best_path(TREE, logits))
        assert leaf.shape == score.shape == (5,)
        assert int(best_path(TREE, logits[2])[0]) == leaf[2]

    def test_tree_may_be_given_as_text(self):
        assert int(best_path(TREE.to_text(), logit([0.1, 0.9, 0.1, 0.1, 0.1, 0.9, 0.1]))[0]) == 1

    def test_of_a_flat_tree_scores_must_be_said(self):
        tree = ClassTree(["road", "sky", "car"])
        logits = np.array([0.0, 1.0, -1.0], "float32")
        sigmoid = 1 / (1 + np.exp(-1))
        softmax = np.e / (1 + np.e + np.exp(-1))
        with pytest.raises(ValueError, match="because this tree has as many nodes as leaves"):
            best_path(tree, logits)
        for scores, expected in (("nodes", sigmoid), ("leaves", softmax)):
            leaf, score = best_path(tree, logits, scores=scores)
            assert int(leaf) == 1
            np.testing.assert_allclose(score, expected, rtol=1e-6)

    def test_extreme_logits(self):
        leaf, score = best_path(TREE, np.array([1e4, -1e4, -1e4, -1e4, -1e4, 1e4, -1e4], "float32"))
        assert int(leaf) == 0 and float(score) == 3
        leaf, score = best_path(TREE, np.array([-1e4, 1e4, -1e4, -1e4], "float32"))
        assert int(leaf) == 1 and float(score) == 3

    @pytest.mark.parametrize("scores, channels", [(None, 5), ("nodes", 4), ("leaves", 7)])
    def test_wrong_channel_count_raises(self, scores, channels):
        with pytest.raises(ValueError) as caught:
            best_path(TREE, np.zeros((2, channels), "float32"), scores=scores)
        assert "one channel per node (7) or per leaf (4)" in str(caught.value)
        assert f"Received: shape=(2, {channels}), scores={scores!r}" in str(caught.value)

    def test_unknown_scores_raise(self):
        with pytest.raises(ValueError, match='`scores` expects "nodes" or "leaves". Received: scores=\'paths\''):
            best_path(TREE, np.zeros(7, "float32"), scores="paths")

    def test_tree_of_a_wrong_type_raises(self):
        with pytest.raises(TypeError, match="`tree` expects a `ClassTree`"):
            best_path(["a", "b"], np.zeros(2, "float32"))
