import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierseg_keras.decoding import confident_labels, node_probabilities
from hierseg_keras.tree import ClassTree
from tests.random_trees import class_trees

# Nodes: person, rider, sky, human.
TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")


def logit(probabilities):
    probabilities = np.asarray(probabilities, np.float64)
    return np.log(probabilities / (1 - probabilities))


class ConfidentLabelsTest:
    @pytest.mark.parametrize(
        "probabilities, threshold, label",
        [
            ([0.9, 0.05, 0.05], 0.7, 0),
            ([0.5, 0.4, 0.1], 0.7, 3),
            ([0.4, 0.2, 0.4], 0.7, -1),
            # The arg-max leaf is sky, but one can be surer of a human.
            ([0.3, 0.3, 0.4], 0.5, 3),
            ([0.3, 0.3, 0.4], 0.35, 2),
        ],
    )
    def test_hand_worked_leaf_logits(self, probabilities, threshold, label):
        assert int(confident_labels(TREE, np.log(probabilities), threshold)) == label

    @pytest.mark.parametrize(
        "probabilities, threshold, label",
        [
            ([0.8, 0.1, 0.1, 0.9], 0.7, 0),
            # A rider who is no human does not count; nor is a less probable leaf taken for a surer one.
            ([0.1, 0.9, 0.1, 0.2], 0.7, -1),
            ([0.8, 0.9, 0.1, 0.95], 0.7, 1),
            ([0.8, 0.1, 0.75, 0.9], 0.7, 0),
        ],
    )
    def test_hand_worked_node_logits(self, probabilities, threshold, label):
        assert int(confident_labels(TREE, logit(probabilities), threshold)) == label

    def test_small_probabilities_are_compared_exactly(self):
        # Half of either, added to a depth, would be rounded to nothing in float32.
        assert int(confident_labels(TREE, np.array([-20.0, -18.0, -30.0, -18.0]), 0, scores="nodes")) == 1
        flat = ClassTree(["a", "b", "c"])
        assert (
            int(confident_labels(flat, np.array([0.4999999, 0.5000001, 0.0]), 0, scores="leaves", from_logits=False))
            == 1
        )

    @given(trees=class_trees(), seed=st.integers(0, 2**16))
    def test_threshold_0_gives_leaves_and_rising_ones_never_finer_answers(self, trees, seed):
        tree, ref = trees
        logits = np.random.default_rng(seed).normal(size=(30, tree.num_leaves)).astype("float32")
        answers = [np.asarray(confident_labels(tree, logits, t, "leaves")) for t in (0.0, 0.4, 0.6, 0.9)]
        assert (answers[0] == logits.argmax(-1)).all()
        bottom = [ref.num_levels if ref.is_leaf(v) else ref.depth(v) for v in range(ref.num_nodes)] + [0]
        for finer, coarser in zip(answers, answers[1:]):
            assert all(bottom[c] <= bottom[f] for f, c in zip(finer, coarser))
        probabilities = np.asarray(node_probabilities(tree, logits, "leaves"), np.float64)
        for answer, pixel in zip(answers[2], probabilities):
            assert answer < 0 or pixel[answer] >= 0.6 - 1e-6

    @pytest.mark.parametrize("threshold", [-0.1, 1.1])
    def test_threshold_outside_0_to_1_raises(self, threshold):
        with pytest.raises(ValueError, match="`threshold` in"):
            confident_labels(TREE, np.zeros(3), threshold)


class NodeProbabilitiesTest:
    @given(trees=class_trees(), seed=st.integers(0, 2**16))
    def test_internal_nodes_sum_their_leaves(self, trees, seed):
        tree, ref = trees
        logits = np.random.default_rng(seed).normal(size=(3, tree.num_leaves))
        softmax = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        expected = [[sum(pixel[k] for k in ref.leaves(v)) for v in range(ref.num_nodes)] for pixel in softmax]
        np.testing.assert_allclose(node_probabilities(tree, logits, "leaves"), expected, rtol=1e-4)
