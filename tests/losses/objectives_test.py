import keras
import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin, HierarchicalCrossentropy, TreeBinaryCrossentropy, WeightedSum
from hierseg_keras.losses.objectives import (
    flat_crossentropy,
    leaf_crossentropy,
    loss_by_depth,
    named_losses,
    objectives,
)
from tests import reference as equations
from tests.gradients import value_and_gradient
from tests.losses.loss_contract import HUMAN, IGNORED, LABELS, TREE


class ObjectivesTest:
    def logits(self, rng, scores):
        channels = TREE.num_nodes if scores == "nodes" else TREE.num_leaves
        return rng.normal(0, 3, (*LABELS.shape, channels)).astype("float32")

    def test_flat_crossentropy_is_kerass_own(self, rng):
        loss = flat_crossentropy(TREE, ignore_class=IGNORED)
        plain = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORED)
        labels, logits = np.where(LABELS == IGNORED, IGNORED, LABELS % TREE.num_leaves), self.logits(rng, "leaves")
        for weight in (None, rng.uniform(0, 2, LABELS.shape).astype("float32")):
            value, gradient = value_and_gradient(lambda x: loss(labels, x, weight), logits)
            plain_value, plain_gradient = value_and_gradient(lambda x: plain(labels, x, weight), logits)
            np.testing.assert_allclose(value, plain_value, rtol=1e-6)
            np.testing.assert_allclose(gradient, plain_gradient, rtol=1e-5, atol=1e-7)
        assert loss(np.full_like(LABELS, IGNORED), logits) == 0
        assert loss_by_depth(loss, TREE).tree == TREE

    def test_flat_crossentropy_of_probabilities_is_that_of_their_logits(self, rng):
        labels, logits = np.where(LABELS == IGNORED, IGNORED, LABELS % TREE.num_leaves), self.logits(rng, "leaves")
        found = flat_crossentropy(TREE, from_logits=False)(labels, keras.ops.softmax(logits))
        np.testing.assert_allclose(found, flat_crossentropy(TREE)(labels, logits), rtol=1e-4)

    @pytest.mark.parametrize(
        "make",
        [
            lambda like: flat_crossentropy(TREE, ignore_class=like.ignore_class),
            lambda like: leaf_crossentropy(TREE, like),
            lambda like: loss_by_depth(like, TREE),
        ],
    )
    def test_the_label_that_is_ignored_is_that_of_the_loss_beside_it(self, rng, make):
        logits, values = self.logits(rng, "leaves"), []
        for ignored in (IGNORED, -1):
            labels = np.where(LABELS == IGNORED, ignored, LABELS % TREE.num_leaves)
            values.append(float(make(HierarchicalCrossentropy(TREE, ignore_class=ignored))(labels, logits)))
        assert values[0] == values[1] > 0

    def test_flat_crossentropy_of_a_coarse_label_is_nan(self, rng):
        """It has no class: a flat baseline is trained on leaves."""
        loss = flat_crossentropy(TREE, ignore_class=IGNORED)
        assert np.isnan(loss(np.full_like(LABELS, HUMAN), self.logits(rng, "leaves")))

    @pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
    def test_leaf_crossentropy_has_the_options_of_the_loss_beside_it(self, rng, reduction):
        weights = rng.uniform(0.5, 2, TREE.num_nodes).tolist()
        labels, logits = np.where(LABELS == IGNORED, IGNORED, LABELS % TREE.num_leaves), self.logits(rng, "leaves")
        tree_loss = FocalTreeMin(TREE, class_weights=weights, ignore_class=IGNORED, reduction=reduction)
        flat = flat_crossentropy(TREE, class_weights=weights, ignore_class=IGNORED)
        flat.reduction = reduction
        for like in (tree_loss, flat, WeightedSum([WeightedSum([tree_loss])])):
            found = leaf_crossentropy(TREE, like)
            np.testing.assert_allclose(found(labels, logits), flat(labels, logits), rtol=1e-6)
        assert leaf_crossentropy(TREE, FocalTreeMin(TREE, normalization="global")).normalization == "global"
        assert flat_crossentropy(TREE, normalization="global").normalization == "global"
        coarse = np.where(LABELS == IGNORED, IGNORED, HUMAN)
        assert leaf_crossentropy(TREE, flat)(coarse, logits) == 0

    def test_names_are_the_classs_in_both_spellings(self):
        assert named_losses()["FocalTreeMin"] is objectives()["focal_tree_min"] is FocalTreeMin
        assert named_losses()["SparseCategoricalCrossentropy"] is objectives()["crossentropy"] is flat_crossentropy
        assert objectives()["focal_binary_crossentropy"](TREE).gamma == 2
        assert len(objectives()) == len(named_losses()) + 1

    @pytest.mark.parametrize("name", objectives())
    def test_class_weights_reach_every_objective(self, rng, name):
        make = objectives()[name]
        weights, logits = rng.uniform(0, 3, TREE.num_nodes), self.logits(rng, make.scores)
        labels = np.where(LABELS == IGNORED, IGNORED, LABELS % TREE.num_leaves)
        plain = make(TREE, ignore_class=IGNORED)
        losses = keras.ops.convert_to_numpy(plain.call(labels, logits))
        expected = equations.masked_mean(losses, labels, IGNORED, class_weights=weights)
        for given in (weights, dict(enumerate(weights.tolist()))):
            loss = make(TREE, ignore_class=IGNORED, class_weights=given)
            np.testing.assert_allclose(loss(labels, logits), expected, rtol=1e-5)
            revived = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
            np.testing.assert_allclose(revived(labels, logits), expected, rtol=1e-5)
            assert hasattr(loss_by_depth(loss, TREE), "per_depth")

    @pytest.mark.parametrize("name", objectives())
    def test_arguments_are_checked_against_the_tree(self, name):
        with pytest.raises(ValueError, match=r"outside \[0, 7\)"):
            objectives()[name](TREE, ignore_class=5)
        with pytest.raises(ValueError, match=r"per node of `tree` \(7\)"):
            objectives()[name](TREE, ignore_class=IGNORED, class_weights=[1.0] * 4)

    def test_a_loss_of_ones_own_is_logged_by_the_rooms(self):
        class Own(keras.losses.Loss):
            scores, from_logits, ignore_class = "nodes", False, IGNORED

        by_depth = loss_by_depth(Own(), TREE)
        assert type(by_depth) is TreeBinaryCrossentropy and not by_depth.from_logits
        Own.scores = "leaves"
        assert type(loss_by_depth(Own(), TREE)) is HierarchicalCrossentropy
        assert by_depth.averaging == loss_by_depth(Own(), TREE).averaging == "pixels"
