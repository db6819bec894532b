"""Frozen layers stay frozen, and the optimizer goes on, when a network is saved and loaded."""

import keras
import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin
from hierseg_keras.models import (
    HS3,
    HSSN,
    DeepLabV3Plus,
    HRNet,
    MultiScale,
    Resized,
    SlidingWindow,
    TreeSegmenter,
    UNet,
)
from hierseg_keras.models.graph.frozen_layers import freeze_backbone, freeze_layers, frozen_layers
from hierseg_keras.tree import ClassTree

TREE = ClassTree(["human/person", "human/rider", "sky"])


def unet():
    return UNet(TREE, filters=2, num_stages=2)


MAKE = {
    "unet": unet,
    "hrnet": lambda: HRNet(TREE, width=1, num_modules=(1, 1, 1), num_blocks=1),
    "deeplab_v3_plus": lambda: DeepLabV3Plus(TREE, backbone="resnet18_small", filters=2),
    "hssn": lambda: HSSN(unet(), total_steps=4, projection_filters=2),
    "hssn_of_another": lambda: HSSN(flat(), TREE, total_steps=4, projection_filters=2),
    "hs3": lambda: HS3(unet(), ["encoder_0_a_relu"], [1]),
    "hs3_fuse": lambda: HS3(unet(), ["encoder_0_a_relu"], [1], fuse=True),
    "tree_segmenter": lambda: TreeSegmenter(flat(), TREE),
    "multi_scale": lambda: MultiScale(unet(), scales=(1,)),
    "resized": lambda: Resized(unet(), 8),
    "sliding_window": lambda: SlidingWindow(unet(), (8, 8)),
}
TRAINED = ("unet", "hssn", "hssn_of_another", "hs3", "hs3_fuse", "tree_segmenter")


def flat():
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(2, 3, padding="same")(image)
    # A layer that holds layers without names of their own.
    x = keras.Sequential([keras.layers.Conv2D(2, 1), keras.layers.BatchNormalization()], name="block")(x)
    return keras.Model(image, keras.layers.Conv2D(5, 1)(x))


def leaf_layers(model):
    found = {id(layer): layer for layer in model._flatten_layers(include_self=False)}.values()
    return [layer for layer in found if layer.variables and not layer._layers]


def freeze_some(model, seed):
    rng = np.random.default_rng(seed)
    for layer in leaf_layers(model):
        layer.trainable = bool(rng.random() < 0.5)


def saved_and_loaded(model, folder):
    model.save(folder / "model.keras")
    return keras.models.load_model(folder / "model.keras")


class FrozenLayersTest:
    @pytest.mark.parametrize("name", MAKE)
    def test_stay_frozen(self, name, tmp_path):
        model = MAKE[name]()
        freeze_some(model, seed=1)
        revived = saved_and_loaded(model, tmp_path)
        assert 0 < len(model.trainable_variables) < len(model.variables)
        ours, saved = ([v.shape for v in network.trainable_variables] for network in (revived, model))
        assert ours == saved
        assert [layer.trainable for layer in leaf_layers(revived)] == [layer.trainable for layer in leaf_layers(model)]
        assert revived.get_config() == model.get_config()

    @pytest.mark.parametrize("name", TRAINED)
    @pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the same on both")
    def test_the_optimizer_goes_on(self, name, tmp_path):
        model = MAKE[name]()
        freeze_some(model, seed=2)
        model.compile(keras.optimizers.Adam(0.1), loss=FocalTreeMin(TREE), run_eagerly=True)
        image, label = np.ones((4, 8, 8, 3), "float32"), np.zeros((4, 8, 8), "int32")
        model.fit(image, label, batch_size=2, verbose=0)
        revived = saved_and_loaded(model, tmp_path)
        assert int(revived.optimizer.iterations) == 2
        for ours, saved in zip(revived.optimizer.variables, model.optimizer.variables, strict=True):
            np.testing.assert_array_equal(ours, saved)

    def test_a_frozen_network_and_a_part_of_one_are_told_apart(self, tmp_path):
        whole, part = TreeSegmenter(flat(), TREE), TreeSegmenter(flat(), TREE)
        whole.trainable = False
        part.get_layer("block").trainable = False
        assert saved_and_loaded(whole, tmp_path).trainable_variables == []
        assert len(saved_and_loaded(part, tmp_path).trainable_variables) == 4

    def test_unknown_layers_are_refused(self):
        model = unet()
        with pytest.raises(ValueError, match="expected paths of layers with weights of .* Received: \\['encoder_9'\\]"):
            freeze_layers(model, ["encoder_9"])
        assert frozen_layers(model) == []


class FreezeBackboneTest:
    def test_keeps_its_weights_and_averages_in_training(self):
        model = DeepLabV3Plus(TREE, backbone="resnet18_small", filters=2)
        freeze_backbone(model)
        before, head = model.get_layer("backbone").get_weights(), model.get_layer("logits").get_weights()
        model.compile("adam", loss=FocalTreeMin(TREE))
        model.fit(np.ones((2, 16, 16, 3)), np.zeros((2, 16, 16), "int32"), verbose=0)
        for value, now in zip(before, model.get_layer("backbone").get_weights(), strict=True):
            np.testing.assert_array_equal(now, value)
        assert np.any(model.get_layer("logits").get_weights()[0] != head[0])

    def test_of_a_wrapped_network(self):
        network = unet()
        freeze_backbone(network)
        trained = {weight.path for weight in HSSN(network, total_steps=4, projection_filters=2).trainable_weights}
        assert not any(path.startswith("encoder") for path in trained)
        assert {"logits/kernel", "projection/projection_1/kernel"} <= trained

    def test_of_another_network_is_all_before_the_classifier(self):
        network = flat()
        freeze_backbone(network)
        assert [layer.name for layer in network.layers if layer.trainable] == [network.layers[-1].name]
