import numpy as np
import pytest

from hierseg_keras.losses import TreeMinCrossentropy
from hierseg_keras.tree import ClassTree
from tests import reference as equations
from tests.losses.loss_contract import LossContract


class TreeMinCrossentropyTest(LossContract):
    loss = TreeMinCrossentropy
    scores = "nodes"
    weights = "level_weights"
    arguments = {"gamma": (0, 0.5, 1, 2, 3.5), "tree_min_weight": (0, 3)}
    shares_code = True
    pixel_loss = staticmethod(equations.tree_min_crossentropy)
    pixel_gradient = staticmethod(equations.tree_min_crossentropy_gradient)
    # A softmax's logarithm is a difference.
    rounding = 1e-6

    def test_hand_computed_value(self):
        # Of zeros each node costs log(2) / 4; two leaves share one softmax, and human is alone in its own.
        tree = ClassTree.from_text("human\n\tperson\n\trider")
        value = TreeMinCrossentropy(tree)(np.array([[[0]]]), np.zeros((1, 1, 1, 3)))
        np.testing.assert_allclose(value, 5 * (1 / 4 + 1 / 4) * np.log(2) + np.log(2), rtol=1e-6)
        # Of a human no more is known: the leaves' mean has no term.
        value = TreeMinCrossentropy(tree)(np.array([[[2]]]), np.zeros((1, 1, 1, 3)))
        np.testing.assert_allclose(value, 5 * np.log(2) / 4, rtol=1e-6)

    @pytest.mark.parametrize("argument", ["gamma", "tree_min_weight"])
    def test_negative_numbers_raise(self, argument):
        with pytest.raises(ValueError, match=f"expects finite {argument} >= 0. Received: {argument}=-1"):
            TreeMinCrossentropy(ClassTree(["a"]), **{argument: -1})
