import numpy as np
import pytest

from hierseg_keras.losses import TreeBinaryCrossentropy
from tests import reference as equations
from tests.losses.loss_contract import CAR, PERSON, TREE, VEHICLE
from tests.losses.node_loss_contract import PROBABILITIES, NodeLossContract, logits_of


class TreeBinaryCrossentropyTest(NodeLossContract):
    loss = TreeBinaryCrossentropy
    arguments = {"gamma": (0, 0.5, 1, 2, 3.5)}
    shares_code = True
    pixel_loss = staticmethod(equations.tree_binary_crossentropy)
    pixel_gradient = staticmethod(equations.tree_binary_crossentropy_gradient)

    @pytest.mark.parametrize(
        "label, product",
        [
            # person and human are on the path; off it rider, sedan, sky, car, vehicle.
            (PERSON, 0.6 * 0.4 * (1 - 0.5) * (1 - 0.3) * (1 - 0.2) * (1 - 0.8) * (1 - 0.1)),
            # Only vehicle is on the path; car and sedan below it are unknown; off it person, rider, sky, human.
            (VEHICLE, 0.1 * (1 - 0.6) * (1 - 0.5) * (1 - 0.2) * (1 - 0.4)),
        ],
    )
    def test_hand_computed_value(self, label, product):
        value = TreeBinaryCrossentropy(TREE)(np.array([[[label]]]), logits_of(PROBABILITIES))
        np.testing.assert_allclose(value, -np.log(product), rtol=1e-6)

    def test_hand_computed_focal_value(self):
        # car and vehicle on the path, sedan unknown, the others off it; gamma = 2.
        on_path = (1 - 0.8) ** 2 * -np.log(0.8) + (1 - 0.1) ** 2 * -np.log(0.1)
        off_path = sum(s**2 * -np.log(1 - s) for s in (0.6, 0.5, 0.2, 0.4))
        value = TreeBinaryCrossentropy(TREE, gamma=2)(np.array([[[CAR]]]), logits_of(PROBABILITIES))
        np.testing.assert_allclose(value, on_path + off_path, rtol=1e-6)
