"""What a network's channels mean is found out once, and all who wrap or export it agree."""

import keras
import numpy as np
import pytest

from hierseg_keras.models import MultiScale, SlidingWindow, TreeSegmenter, UNet
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.models.layers.crop_to import CropTo
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.tree import ClassTree

TREE = ClassTree(["human/person", "human/rider", "sky"])
L, V = TREE.num_leaves, TREE.num_nodes


def network(channels, *last, **conv):
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(channels, 1, **conv)(image)
    for layer in last:
        x = layer(x)
    return keras.Model(image, x)


def nested(model):
    image = keras.Input((None, None, 3))
    return keras.Model(image, keras.layers.UpSampling2D()(model(image)))


KNOWN = {
    "leaf logits": (lambda: network(L), "leaves", True),
    "node logits": (lambda: network(V), "nodes", True),
    "a softmax in the convolution": (lambda: network(L, activation="softmax"), "leaves", False),
    "a softmax layer": (lambda: network(L, keras.layers.Softmax()), "leaves", False),
    "an activation layer": (lambda: network(V, keras.layers.Activation("sigmoid")), "nodes", False),
    "a softmax before resizing": (
        lambda: network(L, keras.layers.Softmax(), keras.layers.Resizing(4, 4)),
        "leaves",
        False,
    ),
    "a linear activation after a sigmoid": (
        lambda: network(V, keras.layers.Activation("sigmoid"), keras.layers.Activation("linear", dtype="float32")),
        "nodes",
        False,
    ),
    "keras.ops": (lambda: network(L, keras.ops.softmax), "leaves", False),
    "a network inside": (lambda: nested(network(V, activation="sigmoid")), "nodes", False),
    "a sequence": (
        lambda: keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(L, 1, activation="softmax")]),
        "leaves",
        False,
    ),
    "ours of nodes": (lambda: UNet(TREE, filters=2, num_stages=1), "nodes", True),
    "ours of leaves": (lambda: UNet(TREE, scores="leaves", filters=2, num_stages=1), "leaves", True),
    "a tree segmenter of a softmax": (lambda: TreeSegmenter(network(L, activation="softmax"), TREE), "nodes", True),
}
UNKNOWN = {
    "relu": lambda: network(L, activation="relu"),
    "a sum": lambda: network(L, lambda x: x + x),
    "a softmax over rows": lambda: network(L, keras.layers.Softmax(axis=1)),
    "a sigmoid per leaf": lambda: network(L, activation="sigmoid"),
    "a softmax over nodes": lambda: network(V, activation="softmax"),
}
# Layers that move scores of 4 x 4 pixels.
MOVING = {
    "CropTo": lambda x: CropTo()([x, x[:, :3, :3]]),
    "Cropping2D": lambda x: keras.layers.Cropping2D(1)(x),
    "Dropout": lambda x: keras.layers.Dropout(0.5)(x),
    "Identity": lambda x: keras.layers.Identity()(x),
    "Permute": lambda x: keras.layers.Permute((2, 1, 3))(x),
    "Reshape": lambda x: keras.layers.Reshape((2, 8, L))(x),
    "Resize": lambda x: keras.ops.image.resize(x, (8, 8)),
    "ResizeTo": lambda x: ResizeTo()([x, x[:, :3, :3]]),
    "Resizing": lambda x: keras.layers.Resizing(8, 8)(x),
    "UpSampling2D": lambda x: keras.layers.UpSampling2D()(x),
    "ZeroPadding2D": lambda x: keras.layers.ZeroPadding2D(1)(x),
}
LINEAR = {
    "BatchNormalization": lambda x: keras.layers.BatchNormalization()(x),
    "Conv2DTranspose": lambda x: keras.layers.Conv2DTranspose(L, 2)(x),
    "Dense": lambda x: keras.layers.Dense(L)(x),
    "EinsumDense": lambda x: keras.layers.EinsumDense("bhwc,cd->bhwd", (None, None, L))(x),
    "SeparableConv2D": lambda x: keras.layers.SeparableConv2D(L, 1)(x),
}


class ScoresOfTest:
    @pytest.mark.parametrize("name", KNOWN)
    def test_finds_out_what_channels_mean(self, name):
        make, kind, from_logits = KNOWN[name]
        scores = scores_of(make(), "test", TREE)
        assert (scores.kind, scores.from_logits) == (kind, from_logits)

    @pytest.mark.parametrize("name", MOVING)
    def test_layer_that_moves_scores_keeps_their_meaning(self, name):
        probabilities = network(L, activation="softmax")
        image = keras.Input((4, 4, 3))
        scores = scores_of(keras.Model(image, MOVING[name](probabilities(image))), "test", TREE)
        assert (scores.kind, scores.from_logits) == ("leaves", False)

    @pytest.mark.parametrize("name", LINEAR)
    def test_linear_layer_returns_logits(self, name):
        scores = scores_of(network(L, LINEAR[name], activation="softmax"), "test", TREE)
        assert (scores.kind, scores.from_logits) == ("leaves", True)

    @pytest.mark.parametrize("name", UNKNOWN)
    def test_refuses_what_cannot_be_known(self, name):
        with pytest.raises(ValueError, match="`test` expects"):
            scores_of(UNKNOWN[name](), "test", TREE)

    def test_an_argument_says_what_cannot_be_known(self):
        scores = scores_of(UNKNOWN["a sum"](), "test", TREE, from_logits=False)
        assert (scores.kind, scores.from_logits) == ("leaves", False)

    def test_the_last_activation_tells_the_classes_of_a_flat_tree(self):
        flat = ClassTree(["a", "b", "c"])
        assert scores_of(network(3, activation="softmax"), "test", flat).kind == "leaves"
        assert scores_of(network(3, activation="sigmoid"), "test", flat).kind == "nodes"
        with pytest.raises(ValueError, match="because this tree has as many nodes as leaves"):
            scores_of(network(3), "test", flat)

    @pytest.mark.parametrize("outputs", [lambda x: {"scores": x}, lambda x: [x]])
    def test_a_structure_of_one_output_is_refused(self, outputs):
        model = network(V)
        with pytest.raises(ValueError, match="one output of scores"):
            scores_of(keras.Model(model.input, outputs(model.output)), "test", TREE)

    def test_subclassed_models_are_refused_with_what_to_pass(self):
        class Subclassed(keras.Model):
            def call(self, x):
                return x

        with pytest.raises(TypeError, match=r"Pass keras.Model\(image, model\(image\)\)"):
            scores_of(Subclassed(), "test", TREE)


@pytest.mark.parametrize("name", KNOWN)
class AveragedNetworkTest:
    def test_one_scale_and_one_window_are_the_network_itself(self, name):
        make, kind, from_logits = KNOWN[name]
        model = make()
        image = np.random.default_rng(0).uniform(0, 1, (1, 4, 4, 3)).astype("float32")
        expected = keras.ops.convert_to_numpy(model(image))
        if name == "a network inside":
            pytest.skip("answers at twice the image's size")
        for wrapper in (MultiScale(model, TREE, scales=(1,), flip=False), SlidingWindow(model, (4, 4), tree=TREE)):
            assert (wrapper.scores, wrapper.from_logits) == (kind, from_logits)
            averaged = keras.ops.convert_to_numpy(wrapper(image))
            if from_logits and kind == "leaves":
                expected = expected - np.log(np.exp(expected).sum(-1, keepdims=True))
            np.testing.assert_allclose(averaged, expected, rtol=1e-5, atol=1e-5)
