import keras
import numpy as np
import pytest

from hierseg_keras.decoding import best_path, node_probabilities
from hierseg_keras.models import HSSN, Calibrated, MultiScale, UNet
from hierseg_keras.tree import ClassTree

# Nodes: person, rider, sky, human.
TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).uniform(0, 255, (2, 9, 12, 3)).astype("float32")


def classifier(activation, channels):
    image = keras.Input((None, None, 3))
    scaled = keras.layers.Rescaling(1 / 64)(image)
    return keras.Model(image, keras.layers.Conv2D(channels, 1, activation=activation)(scaled))


class CalibratedTest:
    @pytest.mark.parametrize("channels, activation", [(4, "sigmoid"), (3, "softmax")])
    def test_probabilities_are_those_of_divided_logits_however_the_network_ends(self, channels, activation, image):
        with_logits, with_probabilities = classifier(None, channels), classifier(activation, channels)
        with_probabilities.set_weights(with_logits.get_weights())
        z = np.asarray(with_logits(image), "float64") / 2.5
        expected = 1 / (1 + np.exp(-z)) if channels == 4 else np.exp(z) / np.exp(z).sum(-1, keepdims=True)
        for model in (with_logits, with_probabilities):
            calibrated = Calibrated(model, 2.5, tree=TREE)
            assert calibrated.from_logits == (model is with_logits)
            options = {"scores": calibrated.scores, "from_logits": calibrated.from_logits}
            probabilities = node_probabilities(TREE, calibrated(image), **options)
            np.testing.assert_allclose(probabilities[..., :channels], expected, atol=1e-5)

    def test_best_path_of_node_scores_may_change(self, image):
        # person 0.95 + human 0.55 against sky, which counts at both depths: 2 x 0.7.
        p = np.array([0.95, 0.5, 0.7, 0.55])
        model = classifier(None, 4)
        model.set_weights([np.zeros((1, 1, 3, 4)), np.log(p / (1 - p))])
        for network, leaf in ((model, 0), (Calibrated(model, 0.2, tree=TREE), 2)):
            assert set(np.unique(best_path(TREE, network(image))[0])) == {leaf}

    def test_is_saved_and_loaded_with_its_temperature(self, image, tmp_path):
        calibrated = Calibrated(HSSN(UNet(TREE, filters=2, num_stages=1)), 1.5)
        calibrated.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert loaded.temperature == 1.5 and loaded.tree == TREE
        np.testing.assert_allclose(loaded(image), calibrated(image), atol=1e-6)

    def test_stands_behind_averages_and_metrics(self, image):
        model = UNet(TREE, filters=2, num_stages=1)
        averaged = MultiScale(Calibrated(model, 3.0), scales=(1.0,), flip=False)
        np.testing.assert_allclose(averaged(image), np.asarray(model(image)) / 3, atol=1e-4)

    @pytest.mark.parametrize("temperature", [0, -1.0, float("nan"), float("inf")])
    def test_temperature_that_is_not_above_0_is_an_error(self, temperature):
        with pytest.raises(ValueError, match="`temperature` above 0"):
            Calibrated(UNet(TREE, filters=2, num_stages=1), temperature)
