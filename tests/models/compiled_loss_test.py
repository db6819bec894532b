"""A compiled loss interprets labels and scores as the network does."""

import keras
import numpy as np
import pytest

from hierseg_keras.losses import (
    FocalTreeMin,
    HierarchicalCrossentropy,
    RegionMutualInformation,
    TreeBinaryCrossentropy,
    TreeTriplet,
    WeightedSum,
)
from hierseg_keras.losses.objectives import flat_crossentropy
from hierseg_keras.metrics import LevelMeanIoU
from hierseg_keras.models import HS3, HSSN, TreeSegmenter, UNet
from hierseg_keras.tree import ClassTree

# As many leaves as nodes, so that the number of channels does not tell leaf scores from node scores.
FLAT = ClassTree(["a", "b", "c"])
# Two trees of five nodes, and one that differs from the first only in its names.
TREE, OTHER = ClassTree(["a/b", "a/c", "d/e"]), ClassTree(["a/b", "a/c", "a/d", "e"])
RENAMED = ClassTree(["p/q", "p/r", "s/t"])
STAGE = "encoder_0_a_relu"


def unet(tree=FLAT, scores="nodes"):
    return UNet(tree, scores, filters=2, num_stages=1)


def segmenter(tree, scores):
    image = keras.Input((8, 8, 3))
    return TreeSegmenter(keras.Model(image, keras.layers.Conv2D(3, 1)(image)), tree, scores)


def hssn(tree, scores):
    loss = TreeBinaryCrossentropy(tree) if scores == "nodes" else HierarchicalCrossentropy(tree)
    return HSSN(unet(tree, scores), loss=loss, triplet=False)


def hs3(tree, scores):
    return HS3(unet(tree, scores), [STAGE], [1])


MAKERS = [unet, segmenter, hssn, hs3]


class CheckLossTest:
    @pytest.mark.parametrize("make", MAKERS)
    def test_loss_on_other_scores_is_refused(self, make):
        for scores, fitting, other in (
            ("nodes", TreeBinaryCrossentropy(FLAT), HierarchicalCrossentropy(FLAT)),
            ("leaves", HierarchicalCrossentropy(FLAT), TreeBinaryCrossentropy(FLAT)),
        ):
            model = make(FLAT, scores)
            for loss in (other, [other], WeightedSum([other])):
                with pytest.raises(ValueError, match=f"loss on scores of {scores}, .*scores='{other.scores}'"):
                    model.compile("sgd", loss=loss)
            for loss in (fitting, [fitting], WeightedSum([fitting]), "mse", None):
                model.compile("sgd", loss)

    def test_scores_may_be_an_argument_of_the_loss(self):
        with pytest.raises(ValueError, match="RegionMutualInformation, a loss on scores of leaves"):
            unet().compile(loss=RegionMutualInformation(FLAT, scores="leaves"))

    def test_loss_on_probabilities_is_refused_for_logits(self):
        with pytest.raises(ValueError, match="a loss on logits, .*with from_logits=False"):
            unet().compile(loss=TreeBinaryCrossentropy(FLAT, from_logits=False))

    @pytest.mark.parametrize("make", MAKERS)
    def test_tree_of_another_structure_is_refused_and_other_names_are_not(self, make):
        assert TREE.num_nodes == OTHER.num_nodes == 5
        model = make(TREE, "nodes")
        for loss in (TreeBinaryCrossentropy(OTHER), WeightedSum([TreeBinaryCrossentropy(OTHER)])):
            with pytest.raises(ValueError, match="the structure of the network's, .*another tree of 5 nodes"):
                model.compile("sgd", loss=loss)
        model.compile("sgd", loss=TreeBinaryCrossentropy(RENAMED))

    def test_flat_crossentropy_of_the_leaves_is_accepted(self):
        unet(TREE, "leaves").compile("sgd", loss=flat_crossentropy(TREE))

    def test_a_compiled_network_is_saved_and_loaded(self, tmp_path):
        model = unet(TREE)
        model.compile("sgd", loss=FocalTreeMin(TREE), metrics=[LevelMeanIoU(TREE)])
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert isinstance(loaded.loss, FocalTreeMin) and isinstance(loaded.optimizer, keras.optimizers.SGD)
        x, y = np.zeros((1, 4, 4, 3), "float32"), np.zeros((1, 4, 4), "int32")
        assert "miou_1" in loaded.evaluate(x, y, return_dict=True, verbose=0)


class IgnoreClassTest:
    @pytest.mark.parametrize(
        "options",
        [
            {"loss": FocalTreeMin(TREE, ignore_class=254)},
            {"triplet": TreeTriplet(TREE, ignore_class=254)},
            {"ignore_class": 254, "loss": FocalTreeMin(TREE)},
        ],
    )
    def test_losses_of_hssn_have_the_same(self, options):
        with pytest.raises(ValueError, match="losses with the same `ignore_class`"):
            model = HSSN(unet(TREE), **options)
            # The loss of a name is made by `compile`.
            model.compile("sgd")

    def test_that_of_a_loss_that_replaces_the_first_is_the_same(self):
        model = HSSN(unet(TREE), ignore_class=254)
        model.compile("sgd")
        with pytest.raises(ValueError, match="FocalTreeMin with ignore_class=255, and other losses with .*=254"):
            model.compile("sgd", loss=FocalTreeMin(TREE))

    def test_losses_that_agree_are_accepted(self):
        HSSN(unet(TREE), loss=FocalTreeMin(TREE, ignore_class=254), triplet=TreeTriplet(TREE, ignore_class=254))
        HSSN(unet(TREE), loss=FocalTreeMin(TREE, ignore_class=254), triplet=False).compile("sgd")

    def test_loss_of_hs3_has_that_of_its_stages(self):
        model = HS3(unet(TREE), [STAGE], [1], ignore_class=254)
        model.compile("sgd", loss=TreeBinaryCrossentropy(TREE, ignore_class=254))
        with pytest.raises(ValueError, match="`HS3` expects losses with the same `ignore_class`"):
            model.compile("sgd", loss=TreeBinaryCrossentropy(TREE))

    def test_triplets_are_of_the_same_tree(self):
        with pytest.raises(ValueError, match="Received: TreeTriplet with another tree of 5 nodes"):
            HSSN(unet(TREE), triplet=TreeTriplet(OTHER))
