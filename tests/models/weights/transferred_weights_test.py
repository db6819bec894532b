"""Which layers of a network take the weights of another."""

import keras
import numpy as np
import pytest

from hierseg_keras.models import (
    HS3,
    HSSN,
    DeepLabV3Plus,
    HRNet,
    HRNetOCR,
    MaskClassification,
    MaskFormer,
    TreeSegmenter,
    UNet,
)
from hierseg_keras.models.weights.transferred_weights import transfer_weights
from hierseg_keras.tree import ClassTree

TREE = ClassTree(["human/person", "human/rider", "sky"])
# As many leaves and nodes, and other classes.
OTHER = ClassTree(["sky", "vehicle/car", "vehicle/bus"])
FLAT = ClassTree(["person", "rider", "sky"])
TINY_HRNET = {"width": 1, "num_modules": (1, 1, 1), "num_blocks": 1}
STAGE = "encoder_0_a_relu"


def unet(tree=TREE, **options):
    return UNet(tree, **{"filters": 2, "num_stages": 1, **options})


def own_network(filters=3, kernels=(3, 3)):
    """A network whose layers have no names of their own, so that Keras numbers them."""
    image = keras.Input((8, 8, 3))
    x = image
    for kernel in kernels:
        x = keras.layers.Conv2D(filters, kernel, padding="same")(x)
    return keras.Model(image, keras.layers.Conv2D(5, 1)(x))


def all_equal(layers):
    return all(np.array_equal(*pair) for pair in zip(*(layer.get_weights() for layer in layers), strict=True))


class TransferWeightsTest:
    def test_classifier_of_other_classes_is_new(self):
        source, target = unet(), unet(OTHER)
        before = target.get_layer("logits").get_weights()
        transfer = transfer_weights(source, target)
        assert transfer.kept == ("logits",)
        np.testing.assert_array_equal(target.get_layer("logits").get_weights()[0], before[0])
        assert all_equal([model.get_layer("encoder_0_a_conv") for model in (source, target)])

    def test_classifier_of_softmax_and_sigmoid_differ(self):
        # A flat tree has as many nodes as leaves, so that the shapes are equal.
        assert transfer_weights(unet(FLAT, scores="leaves"), unet(FLAT)).kept == ("logits",)
        assert transfer_weights(unet(FLAT), unet(FLAT)).kept == ()

    def test_classifier_of_other_classes_is_new_in_a_network_of_ones_own(self):
        networks = [own_network(), own_network()]
        for network, tree in zip(networks, (TREE, OTHER)):
            network.tree, network.scores = tree, "nodes"
        assert transfer_weights(*networks).kept == ("<Conv2D> 3 of 3",)

    @pytest.mark.parametrize("kind", ["Conv2D", "Conv2DTranspose"])
    def test_head_of_other_classes_is_new_if_it_is_no_1x1_convolution(self, kind):
        def network(tree):
            image = keras.Input((8, 8, 3))
            x = keras.layers.Conv2D(3, 3, padding="same", name="body")(image)
            x = getattr(keras.layers, kind)(TREE.num_nodes, 3, padding="same", name="head")(x)
            model = keras.Model(image, keras.layers.Rescaling(2.0)(x))
            model.tree, model.scores = tree, "nodes"
            return model

        assert transfer_weights(network(TREE), network(OTHER)).kept == ("head",)
        assert transfer_weights(network(TREE), network(TREE)).kept == ()

    def test_classes_of_queries_of_another_tree_are_new(self):
        options = {"backbone": "swin_nano", "filters": 8, "num_queries": 2, "num_layers": 1, "num_heads": 2}
        networks = [MaskClassification(MaskFormer(tree, scores="leaves", **options)) for tree in (TREE, OTHER)]
        assert "classes" in transfer_weights(*networks).kept
        assert "classes" in transfer_weights(networks[0], networks[0]).taken

    def test_layers_without_names_are_those_at_the_same_place(self):
        keras.layers.Conv2D(1, 1)  # Keras goes on counting.
        source, target = (TreeSegmenter(own_network(), TREE) for _ in range(2))
        assert transfer_weights(source, target).kept == ()
        np.testing.assert_array_equal(*(model(np.ones((1, 8, 8, 3))) for model in (source, target)))

    def test_layers_of_other_shapes_are_new(self):
        source, target = (TreeSegmenter(own_network(kernels=kernels), TREE) for kernels in [(3, 3), (3, 5)])
        assert transfer_weights(source, target).kept == ("<Conv2D> 2 of 2",)

    def test_layers_without_names_among_more_of_them_are_new(self):
        """Of the same shapes, so that nothing else tells which are the same."""
        source, target = (TreeSegmenter(own_network(kernels=kernels), TREE) for kernels in [(3, 3, 3), (3, 3)])
        assert transfer_weights(source, target).taken == ("logits",)

    @pytest.mark.parametrize("in_sequence", [False, True])
    def test_layers_without_weights_between_them_change_nothing(self, in_sequence):
        def network(has_dropout):
            layers = [keras.layers.Conv2D(3, 3, padding="same") for _ in range(3)]
            if has_dropout:
                layers.insert(1, keras.layers.Dropout(0.1))
            image = x = keras.Input((8, 8, 3))
            for layer in [keras.Sequential(layers)] if in_sequence else layers:
                x = layer(x)
            return TreeSegmenter(keras.Model(image, keras.layers.Conv2D(5, 1)(x)), TREE)

        source, target = network(False), network(True)
        assert transfer_weights(source, target).kept == ()
        np.testing.assert_array_equal(*(model(np.ones((1, 8, 8, 3))) for model in (source, target)))

    def test_nothing_of_another_architecture(self):
        assert transfer_weights(unet(), HRNet(TREE, **TINY_HRNET)).taken == ()

    def test_trunk_of_another_head(self):
        transfer = transfer_weights(HRNet(TREE, **TINY_HRNET), HRNetOCR(TREE, **TINY_HRNET))
        assert "conv1" in transfer.taken and "auxiliary_logits" in transfer.kept

    def test_hssn_of_a_flat_run(self):
        source, target = unet(scores="leaves"), HSSN(unet(), total_steps=4, projection_filters=2)
        transfer = transfer_weights(source, target)
        assert transfer.kept == ("logits", "projection/projection_1", "projection/projection_2")

    def test_hssn_of_a_run_of_hssn_has_its_projection(self):
        models = [HSSN(unet(), total_steps=4, projection_filters=2) for _ in range(2)]
        assert transfer_weights(*models).kept == ()
        assert all_equal([model.projection for model in models])

    @pytest.mark.parametrize("clusters, kept", [([0, 1, 1], ()), ([0, 1, 0], (f"{STAGE}_logits", "fused_logits"))])
    def test_class_maps_of_other_clusters_are_new(self, clusters, kept):
        models = [HS3(unet(), [STAGE], [own], fuse=True) for own in ([0, 1, 1], clusters)]
        assert transfer_weights(*models).kept == kept

    def test_backbone_of_a_network_with_other_filters(self):
        source, target = (DeepLabV3Plus(TREE, "resnet18_small", filters=filters) for filters in (2, 3))
        transfer = transfer_weights(source, target)
        assert all(path.startswith("backbone") for path in transfer.taken if "/" in path and "aspp" not in path)
        assert not any(path.startswith("backbone") for path in transfer.kept)

    def test_draws_of_dropout_stay_its_own(self):
        source, target = (DeepLabV3Plus(TREE, "resnet18_small", filters=2, dropout=0.5) for _ in range(2))
        states = [np.array(layer.seed_generator.state) for layer in _dropouts(target)]
        transfer_weights(source, target)
        np.testing.assert_array_equal(states, [np.array(layer.seed_generator.state) for layer in _dropouts(target)])


def _dropouts(model):
    return [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Dropout)]
