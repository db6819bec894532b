import numpy as np
import pytest

from hierseg_keras.losses import TreeBinaryCrossentropy, TreeMin
from hierseg_keras.tree import ClassTree
from tests import reference as equations
from tests.gradients import value_and_gradient
from tests.losses.loss_contract import CAR, LABELS, PERSON, TREE, VEHICLE
from tests.losses.node_loss_contract import PROBABILITIES, NodeLossContract, logits_of


class TreeMinTest(NodeLossContract):
    loss = TreeMin
    shares_code = True
    pixel_loss = staticmethod(equations.focal_tree_min)
    pixel_gradient = staticmethod(equations.focal_tree_min_gradient)
    reference_options = {"gamma": 0}

    @pytest.mark.parametrize(
        "label, product",
        [
            # On the path: human 0.4, person min(0.6, human 0.4). Off it: rider, sedan, sky as they are,
            # car max(0.8, sedan 0.3), vehicle max(0.1, car 0.8, sedan 0.3).
            (PERSON, 0.4 * 0.4 * (1 - 0.5) * (1 - 0.3) * (1 - 0.2) * (1 - 0.8) * (1 - 0.8)),
            # On the path: vehicle 0.1, car min(0.8, vehicle 0.1); sedan is unknown. Off it: person, rider, sky,
            # human max(0.4, person 0.6, rider 0.5).
            (CAR, 0.1 * 0.1 * (1 - 0.6) * (1 - 0.5) * (1 - 0.2) * (1 - 0.6)),
            (VEHICLE, 0.1 * (1 - 0.6) * (1 - 0.5) * (1 - 0.2) * (1 - 0.6)),
        ],
    )
    def test_hand_computed_value(self, label, product):
        value = TreeMin(TREE)(np.array([[[label]]]), logits_of(PROBABILITIES))
        np.testing.assert_allclose(value, -np.log(product), rtol=1e-6)

    def test_hand_computed_gradient_of_zeros(self):
        # Every score is 1/2, where d/dz of either term is 1/2 in size. On the path to person: human's term gives
        # human 1, person's gives each 1/2. Off it: rider, sedan, sky 1 each; car 1/2 to car and sedan; vehicle 1/3
        # to vehicle, car and sedan.
        share = [-1 / 2, 1, 1 + 1 / 2 + 1 / 3, 1, 1 / 2 + 1 / 3, -1 - 1 / 2, 1 / 3]
        loss = TreeMin(TREE)
        _, gradient = value_and_gradient(lambda x: loss(np.array([[[PERSON]]]), x), np.zeros((1, 1, 1, 7), "float32"))
        np.testing.assert_allclose(gradient[0, 0, 0], np.array(share) / 2, rtol=1e-6)

    def test_scores_in_the_tree_s_order_cost_what_they_do_alone(self, rng):
        """Where no node is surer than its parent, on the path and off it, nothing is charged twice."""
        # human >= person and rider, vehicle >= car >= sedan.
        logits = np.broadcast_to(np.array([1, 0, -2, 0.5, -1, 2, -0.5], "float32"), (2, 2, 2, 7))
        value = float(TreeMin(TREE)(LABELS, logits))
        np.testing.assert_allclose(value, TreeBinaryCrossentropy(TREE)(LABELS, logits), rtol=1e-6)

    def test_flat_tree_is_plain_binary_crossentropy(self, rng):
        tree, labels = ClassTree(["road", "sky", "car"]), LABELS % 3
        logits = rng.normal(0, 3, (2, 2, 2, 3)).astype("float32")
        value = float(TreeMin(tree)(labels, logits))
        np.testing.assert_allclose(value, TreeBinaryCrossentropy(tree)(labels, logits), rtol=1e-6)
