import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin, TreeMin
from hierseg_keras.tree import ClassTree
from tests import reference as equations
from tests.gradients import evaluated, value_and_gradient
from tests.losses.loss_contract import CAR, LABELS, PERSON, TREE
from tests.losses.node_loss_contract import PROBABILITIES, NodeLossContract, logits_of


class FocalTreeMinTest(NodeLossContract):
    loss = FocalTreeMin
    arguments = {"gamma": (0, 0.5, 1, 2, 3.5)}
    pixel_loss = staticmethod(equations.focal_tree_min)
    pixel_gradient = staticmethod(equations.focal_tree_min_gradient)

    @pytest.mark.parametrize(
        "label, on_path, off_path",
        [
            # The coherent scores of `TreeMinTest`.
            (PERSON, [0.4, 0.4], [0.5, 0.3, 0.2, 0.8, 0.8]),
            (CAR, [0.1, 0.1], [0.6, 0.5, 0.2, 0.6]),
        ],
    )
    @pytest.mark.parametrize("gamma", [0, 1, 2, 2.5])
    def test_hand_computed_value(self, label, on_path, off_path, gamma):
        expected = sum((1 - p) ** gamma * -np.log(p) for p in on_path)
        expected += sum(p**gamma * -np.log(1 - p) for p in off_path)
        value = FocalTreeMin(TREE, gamma=gamma)(np.array([[[label]]]), logits_of(PROBABILITIES))
        np.testing.assert_allclose(value, expected, rtol=1e-6)

    def test_docstring_example(self):
        tree = ClassTree.from_text("human\n\tperson\n\trider")
        # Three terms of 1/4 log 2.
        loss = FocalTreeMin(tree)
        (value,) = evaluated(lambda x: [loss(np.array([[[0]]]), x)], np.zeros((1, 1, 1, 3)))
        np.testing.assert_allclose(value, 3 / 4 * np.log(2), rtol=1e-6)

    def test_gamma_of_zero_is_tree_min(self, rng):
        logits, weights = self.logits(rng), rng.uniform(0, 2, TREE.num_nodes)
        focal, plain = FocalTreeMin(TREE, gamma=0, node_weights=weights), TreeMin(TREE, node_weights=weights)
        value, gradient = value_and_gradient(lambda x: focal(LABELS, x), logits)
        plain_value, plain_gradient = value_and_gradient(lambda x: plain(LABELS, x), logits)
        assert value == plain_value
        np.testing.assert_array_equal(gradient, plain_gradient)

    def test_gamma_is_two_unless_told(self):
        assert FocalTreeMin(TREE).gamma == 2
