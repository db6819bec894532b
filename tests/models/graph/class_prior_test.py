import keras
import numpy as np
import pytest

from hierseg_keras.losses import HierarchicalCrossentropy
from hierseg_keras.models import HSSN, MaskFormer, UNet, set_class_prior
from hierseg_keras.tree import ClassTree

TREE = ClassTree(["human/person", "human/rider", "sky"])
# Of person, rider, sky, human, and pixels without a label: 40 pixels of human are divided 3 : 1.
COUNTS = [15, 5, 140, 40, 9]
LEAVES = np.array([45, 15, 140]) / 200
SMALL = {"filters": 4, "num_stages": 2}


def bias_of(model):
    return keras.ops.convert_to_numpy(model.get_layer("logits").bias)


class SetClassPriorTest:
    def test_softmax_of_the_biases_is_the_frequencies(self):
        model = UNet(TREE, scores="leaves", **SMALL)
        set_class_prior(model, COUNTS)
        np.testing.assert_allclose(np.exp(bias_of(model)), LEAVES, rtol=1e-6)

    def test_sigmoid_of_the_biases_is_the_frequencies_at_every_level(self):
        model = UNet(TREE, **SMALL)
        set_class_prior(model, np.array([COUNTS, COUNTS]))
        np.testing.assert_allclose(1 / (1 + np.exp(-bias_of(model))), [*LEAVES, 60 / 200], rtol=1e-6)

    def test_an_untrained_network_has_nearly_the_loss_of_the_frequencies(self):
        model, loss = UNet(TREE, scores="leaves", **SMALL), HierarchicalCrossentropy(TREE)
        # Without the influence of the image.
        model.get_layer("logits").kernel.assign(np.zeros((1, 1, 4, 3)))
        set_class_prior(model, COUNTS)
        label = np.repeat([0, 1, 2], [9, 3, 28]).reshape(1, 4, 10)
        depths = [LEAVES, [0.3, 0.3, 0.7]]
        expected = -sum(LEAVES @ np.log(own) for own in depths)
        np.testing.assert_allclose(float(loss(label, model(np.zeros((1, 4, 10, 3))))), expected, rtol=1e-5)

    def test_a_class_without_pixels_can_still_be_learned(self):
        for scores in ("nodes", "leaves"):
            model = UNet(TREE, scores=scores, **SMALL)
            set_class_prior(model, [0, 0, 7, 0, 0])
            assert np.isfinite(bias_of(model)).all()
            assert bias_of(model)[0] == pytest.approx(np.log(1e-4), abs=1e-3)

    def test_wrappers_and_other_networks(self):
        segmenter = UNet(TREE, **SMALL)
        set_class_prior(HSSN(segmenter), COUNTS)
        assert bias_of(segmenter)[2] == pytest.approx(np.log(0.7 / 0.3), abs=1e-5)
        image = keras.Input((None, None, 3))
        other = keras.Model(image, keras.layers.Conv2D(3, 1, activation="softmax", name="logits")(image))
        set_class_prior(other, COUNTS, TREE)
        np.testing.assert_allclose(np.exp(bias_of(other)), LEAVES, rtol=1e-6)

    def test_what_does_not_fit_is_named(self):
        with pytest.raises(ValueError, match="`set_class_prior` expects pixel counts per node .* Received.*\\(3,\\)"):
            set_class_prior(UNet(TREE, **SMALL), [1, 2, 3])
        with pytest.raises(ValueError, match="`set_class_prior` expects a network that ends in a 1x1 convolution"):
            set_class_prior(MaskFormer(TREE, "swin_nano", filters=8, num_queries=2, num_layers=1, num_heads=1), COUNTS)
        image = keras.Input((None, None, 3))
        other = keras.Model(image, keras.layers.Conv2D(3, 1)(image))
        with pytest.raises(ValueError, match="`set_class_prior` expects a `tree`"):
            set_class_prior(other, COUNTS)
