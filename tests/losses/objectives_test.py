import keras
import numpy as np
import pytest

from hierseg_keras.losses.objectives import OBJECTIVES, make_loss
from tests import reference as equations
from tests.gradients import value_and_gradient
from tests.losses.loss_contract import HUMAN, IGNORED, LABELS, TREE


class MakeLossTest:
    def logits(self, rng, scores):
        channels = TREE.num_nodes if scores == "nodes" else TREE.num_leaves
        return rng.normal(0, 3, (*LABELS.shape, channels)).astype("float32")

    def test_flat_crossentropy_is_kerass_own(self, rng):
        loss, by_depth = make_loss("crossentropy", TREE, IGNORED)
        plain = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORED)
        labels, logits = np.where(LABELS == IGNORED, IGNORED, LABELS % TREE.num_leaves), self.logits(rng, "leaves")
        for weight in (None, rng.uniform(0, 2, LABELS.shape).astype("float32")):
            value, gradient = value_and_gradient(lambda x: loss(labels, x, weight), logits)
            plain_value, plain_gradient = value_and_gradient(lambda x: plain(labels, x, weight), logits)
            np.testing.assert_allclose(value, plain_value, rtol=1e-6)
            np.testing.assert_allclose(gradient, plain_gradient, rtol=1e-5, atol=1e-7)
        assert loss(np.full_like(LABELS, IGNORED), logits) == 0
        assert by_depth.tree == TREE

    def test_flat_crossentropy_of_a_coarse_label_is_nan(self, rng):
        """It has no class: a flat baseline is trained on leaves."""
        loss, _ = make_loss("crossentropy", TREE, IGNORED)
        assert np.isnan(loss(np.full_like(LABELS, HUMAN), self.logits(rng, "leaves")))

    @pytest.mark.parametrize("name", OBJECTIVES)
    def test_class_weights_reach_every_objective(self, rng, name):
        scores, _ = OBJECTIVES[name]
        weights, logits = rng.uniform(0, 3, TREE.num_nodes), self.logits(rng, scores)
        labels = np.where(LABELS == IGNORED, IGNORED, LABELS % TREE.num_leaves)
        plain, _ = make_loss(name, TREE, IGNORED)
        losses = keras.ops.convert_to_numpy(plain.call(labels, logits))
        expected = equations.masked_mean(losses, labels, IGNORED, class_weights=weights)
        for given in (weights, dict(enumerate(weights.tolist()))):
            loss, by_depth = make_loss(name, TREE, IGNORED, given)
            np.testing.assert_allclose(loss(labels, logits), expected, rtol=1e-5)
            revived = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
            np.testing.assert_allclose(revived(labels, logits), expected, rtol=1e-5)
        assert hasattr(by_depth, "per_depth")

    @pytest.mark.parametrize("name", OBJECTIVES)
    def test_arguments_are_checked_against_the_tree(self, name):
        with pytest.raises(ValueError, match=r"outside \[0, 7\)"):
            make_loss(name, TREE, 5)
        with pytest.raises(ValueError, match=r"per node of `tree` \(7\)"):
            make_loss(name, TREE, IGNORED, [1.0] * 4)
