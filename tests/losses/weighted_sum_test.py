import json

import keras
import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin, HierarchicalCrossentropy, RegionMutualInformation, TreeMin, WeightedSum
from hierseg_keras.losses.objectives import loss_by_depth
from tests.gradients import value_and_gradient
from tests.losses.loss_contract import LABELS, TREE

REGIONS = {"pool_size": 1, "radius": 2}


def parts():
    return [FocalTreeMin(TREE, class_weights={"sky": 2.0}), RegionMutualInformation(TREE, **REGIONS)]


class WeightedSumTest:
    def test_value_and_gradient_are_the_sums(self, rng):
        logits = rng.normal(size=(*LABELS.shape, TREE.num_nodes)).astype("float32")
        for weight in (None, np.array([1.0, 3.0], "float32")):
            value, gradient = value_and_gradient(lambda x: WeightedSum(parts(), [1, 0.5])(LABELS, x, weight), logits)
            pairs = [value_and_gradient(lambda x, loss=loss: loss(LABELS, x, weight), logits) for loss in parts()]
            np.testing.assert_allclose(value, pairs[0][0] + 0.5 * pairs[1][0], rtol=1e-5)
            np.testing.assert_allclose(gradient, pairs[0][1] + 0.5 * pairs[1][1], rtol=1e-4, atol=1e-6)

    def test_config_round_trip(self, rng):
        loss = WeightedSum(parts(), [1, 0.5], name="renamed")
        revived = keras.saving.deserialize_keras_object(
            json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
        )
        assert revived.get_config() == loss.get_config() and revived.name == "renamed"
        logits = rng.normal(size=(*LABELS.shape, TREE.num_nodes)).astype("float32")
        assert float(revived(LABELS, logits)) == float(loss(LABELS, logits))

    def test_a_model_is_trained_saved_and_loaded_with_it(self, rng, tmp_path):
        model = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Conv2D(TREE.num_nodes, 1)])
        model.compile("sgd", loss=WeightedSum(parts()))
        images = rng.normal(size=(2, 2, 2, 3)).astype("float32")
        expected = float(WeightedSum(parts())(LABELS, model(images)))
        # `fit` compiles the loss with XLA.
        np.testing.assert_allclose(model.fit(images, LABELS, verbose=0).history["loss"], [expected], rtol=1e-4)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(loaded.test_on_batch(images, LABELS), model.test_on_batch(images, LABELS), rtol=1e-6)

    def test_meaning_is_that_of_its_losses(self):
        loss = WeightedSum(parts())
        assert (loss.scores, loss.from_logits, loss.ignore_class, loss.weights) == ("nodes", True, 255, [1.0, 1.0])
        assert loss_by_depth(loss, TREE) is loss.losses[0]

    def test_invalid_arguments_raise(self):
        for losses, weights, message in (
            ([], None, "at least one loss. Received: 0 losses"),
            (parts(), [1], "one weight per loss"),
            (parts(), [1, -1], "expects finite weights >= 0. Received: weights=-1"),
            (parts(), [1, "a"], "expects finite weights >= 0. Received: weights=a"),
            ([TreeMin(TREE), HierarchicalCrossentropy(TREE)], None, "same `scores`.*TreeMin with 'nodes', Hier"),
            ([TreeMin(TREE), TreeMin(TREE, from_logits=False)], None, "same `from_logits`"),
            ([TreeMin(TREE), TreeMin(TREE, ignore_class=254)], None, "same `ignore_class`.*TreeMin with 254"),
            ([TreeMin(TREE, reduction=None)], None, r"reduced to a scalar. Received: TreeMin\(reduction=None\)"),
            ([TreeMin(TREE, reduction="none")], None, r"reduced to a scalar. Received: TreeMin\(reduction='none'\)"),
            (parts(), 0.5, "one weight per loss.*weights=0.5"),
        ):
            with pytest.raises(ValueError, match=message):
                WeightedSum(losses, weights)
        for losses in (["a"], [keras.losses.MeanSquaredError()], TreeMin, [TreeMin]):
            with pytest.raises(TypeError, match="`WeightedSum` expects a list of losses of `hs.losses`, or of `keras"):
                WeightedSum(losses)
        assert WeightedSum(TreeMin(TREE)).weights == [1.0]
