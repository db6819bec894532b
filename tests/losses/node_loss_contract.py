"""What the losses on node logits share beyond the list of every loss."""

import keras
import numpy as np
import pytest

from tests.gradients import evaluated, value_and_gradient
from tests.losses.loss_contract import CAR, HUMAN, LABELS, PERSON, RIDER, SEDAN, SKY, TREE, VEHICLE, LossContract

# person, rider, sedan, sky, car, human, vehicle. The order of the tree is broken in both branches: person is
# surer than human, and car and sedan are surer than vehicle.
PROBABILITIES = np.array([0.6, 0.5, 0.3, 0.2, 0.8, 0.4, 0.1])


def logits_of(probabilities):
    """One pixel's logits, `(1, 1, 1, V)`."""
    return np.log(probabilities / (1 - probabilities)).reshape(1, 1, 1, -1)


class NodeLossContract(LossContract):
    scores = "nodes"
    weights = "node_weights"

    @pytest.mark.parametrize("label, below", [(HUMAN, [PERSON, RIDER]), (CAR, [SEDAN]), (VEHICLE, [CAR, SEDAN])])
    def test_nodes_below_an_internal_label_take_no_part(self, rng, label, below):
        loss, logits, labels = self.loss(TREE), self.logits(rng), np.full_like(LABELS, label)
        value, gradient = value_and_gradient(lambda x: loss(labels, x), logits)
        others = [v for v in range(TREE.num_nodes) if v not in below]
        assert (gradient[..., below] == 0).all() and (gradient[..., others] != 0).any()
        logits[..., below] = rng.normal(0, 100, len(below))
        assert float(loss(labels, logits)) == value

    def test_small_losses_keep_their_digits(self):
        """A right answer by a margin of 30 costs some 1e-13, and not 0."""
        reference_gamma = {"gamma": 0} if "gamma" in self.arguments else {}
        logits = np.full((1, 1, 1, self.num_channels(TREE)), -30.0, "float32")
        logits[..., [v for v in (PERSON, HUMAN) if v < logits.shape[-1]]] = 30
        loss = self.loss(TREE, **reference_gamma)
        expected = self.expected(np.array([[[PERSON]]]), logits, **reference_gamma)
        assert 0 < expected < 1e-10
        (value,) = evaluated(lambda x: [loss(np.array([[[PERSON]]]), x)], logits)
        np.testing.assert_allclose(value, expected.sum(), rtol=1e-6)

    def test_zero_weight_silences_a_node(self, rng):
        weights = np.ones(TREE.num_nodes)
        weights[SKY] = 0
        loss, logits = self.loss(TREE, node_weights=weights), self.logits(rng)
        _, gradient = value_and_gradient(lambda x: loss(LABELS, x), logits)
        assert (gradient[..., SKY] == 0).all() and (gradient[..., HUMAN] != 0).any()

    def test_level_weights(self, rng):
        logits, weights = self.logits(rng), TREE.level_weights([1, 10, 100])
        losses = keras.ops.convert_to_numpy(self.loss(TREE, node_weights=weights).call(LABELS, logits))
        np.testing.assert_allclose(losses, self.expected(LABELS, logits, node_weights=weights), rtol=1e-5)

    def test_negative_gamma_raises(self):
        if "gamma" not in self.arguments:
            pytest.skip("no gamma")
        for gamma in (-1, np.nan, np.inf):
            with pytest.raises(ValueError, match=f"{self.loss.__name__}` expects finite gamma >= 0.*gamma={gamma}"):
                self.loss(TREE, gamma=gamma)
