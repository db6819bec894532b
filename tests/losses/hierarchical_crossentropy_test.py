import keras
import numpy as np
import pytest

from hierseg_keras.losses import HierarchicalCrossentropy
from hierseg_keras.tree import ClassTree
from tests import reference as equations
from tests.gradients import value_and_gradient
from tests.losses.loss_contract import (
    CAR,
    HUMAN,
    IGNORED,
    LABELS,
    PERSON,
    REFERENCE,
    SEDAN,
    SKY,
    TREE,
    VEHICLE,
    LossContract,
)


class HierarchicalCrossentropyTest(LossContract):
    loss = HierarchicalCrossentropy
    scores = "leaves"
    weights = "depth_weights"
    # The logarithms of two sums near 1, as in Keras's own crossentropy, a depth.
    rounding = 1e-6
    pixel_loss = staticmethod(equations.hierarchical_crossentropy)
    pixel_gradient = staticmethod(equations.hierarchical_crossentropy_gradient)

    # Probabilities of person, rider, sedan, sky: human has 0.5, vehicle and car 0.2.
    PROBABILITIES = np.array([0.4, 0.1, 0.2, 0.3])

    def test_the_lips_of_helen_are_merged_as_in_figure_2_and_equation_2(self):
        """The listing of Muller & Smith's figure 3 keeps them apart at depth 3, where a lip would cost as a leaf."""
        tree = ClassTree.load("helen")
        assert [len(tree.level_classes(level)) for level in (4, 3, 2, 1)] == [2, 3, 6, 11]
        loss = float(HierarchicalCrossentropy(tree)(np.array([[[tree.index("upper_lip")]]]), np.zeros((1, 1, 1, 11))))
        np.testing.assert_allclose(loss, -np.log([10 / 11, 9 / 11, 3 / 11, 1 / 11]).sum(), rtol=1e-6)
        listing = -np.log([10 / 11, 9 / 11, 1 / 11, 1 / 11]).sum()
        assert (round(loss, 3), round(listing, 3)) == (3.993, 5.092)

    @pytest.mark.parametrize(
        "label, product",
        [
            # human at depth 1; person has no deeper class and stands for itself at depths 2 and 3.
            (PERSON, 0.5 * 0.4 * 0.4),
            # vehicle, car, sedan.
            (SEDAN, 0.2 * 0.2 * 0.2),
            # sky at all three depths.
            (SKY, 0.3 * 0.3 * 0.3),
            # An internal label says nothing below its own depth.
            (HUMAN, 0.5),
            (VEHICLE, 0.2),
            (CAR, 0.2 * 0.2),
        ],
    )
    def test_hand_computed_value(self, label, product):
        logits = np.log(self.PROBABILITIES).reshape(1, 1, 1, 4)
        value = HierarchicalCrossentropy(TREE)(np.array([[[label]]]), logits)
        np.testing.assert_allclose(value, -np.log(product), rtol=1e-6)

    def test_hand_computed_probability_of_zero(self):
        loss = HierarchicalCrossentropy(TREE, from_logits=False)
        value = loss(np.array([[[SEDAN]]]), np.array([[[[1.0, 0, 0, 0]]]], "float32"))
        np.testing.assert_allclose(value, -3 * np.log(1e-7), rtol=1e-4)

    def test_hand_computed_depth_weights(self):
        # 10 for human, 1 and 0.1 for person, which stands for itself twice.
        loss = HierarchicalCrossentropy(TREE, depth_weights=[10, 1, 0.1])
        value = loss(np.array([[[PERSON]]]), np.log(self.PROBABILITIES).reshape(1, 1, 1, 4))
        np.testing.assert_allclose(value, -10 * np.log(0.5) - 1.1 * np.log(0.4), rtol=1e-6)

    def test_hand_computed_mean_over_labeled_pixels(self):
        labels = np.array([[[PERSON, IGNORED], [HUMAN, IGNORED]]])
        logits = np.broadcast_to(np.log(self.PROBABILITIES), (1, 2, 2, 4))
        expected = -(np.log(0.5 * 0.4 * 0.4) + np.log(0.5)) / 2
        np.testing.assert_allclose(HierarchicalCrossentropy(TREE)(labels, logits), expected, rtol=1e-6)

    def test_published_hierarchy_of_helen(self):
        """Every leaf class contributes to as many losses, whatever its depth (section 5)."""
        tree = ClassTree.load("helen")
        values = [
            float(HierarchicalCrossentropy(tree)(np.array([[[leaf]]]), np.zeros((1, 1, 1, 11)))) / np.log(11)
            for leaf in (tree.index("background"), tree.index("hair"), tree.index("nose"))
        ]
        # Of 11 equal leaves background is one at each of four depths; foreground holds ten, and then hair is one;
        # nose's: foreground ten, face nine, skin two, nose one.
        shares = [[1, 1, 1, 1], [10, 1, 1, 1], [10, 9, 2, 1]]
        expected = [sum(np.log(11 / share) for share in depths) / np.log(11) for depths in shares]
        np.testing.assert_allclose(values, expected, rtol=1e-5)

    def test_depths_match_numpy_reference(self, rng):
        logits = self.logits(rng)
        per_depth, _ = HierarchicalCrossentropy(TREE).per_depth(LABELS, logits)
        expected = equations.per_pixel(equations.hierarchical_crossentropies, REFERENCE, LABELS, logits)
        np.testing.assert_allclose(per_depth, expected, rtol=1e-5, atol=1e-7)

    def test_flat_tree_is_plain_crossentropy(self, rng):
        tree = ClassTree(["road", "sky", "car"])
        labels = np.where(LABELS == IGNORED, IGNORED, LABELS % 3)
        logits = rng.normal(0, 3, (2, 2, 2, 3)).astype("float32")
        plain = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORED)
        value, gradient = value_and_gradient(lambda x: HierarchicalCrossentropy(tree)(labels, x), logits, jit=True)
        plain_value, plain_gradient = value_and_gradient(lambda x: plain(labels, x), logits, jit=True)
        np.testing.assert_allclose(value, plain_value, rtol=1e-6)
        np.testing.assert_allclose(gradient, plain_gradient, rtol=1e-5, atol=1e-7)

    def test_internal_label_is_indifferent_among_its_leaves(self, rng):
        logits = self.logits(rng)
        swapped = logits[..., [1, 0, 2, 3]]
        labels, loss = np.full_like(LABELS, HUMAN), HierarchicalCrossentropy(TREE)
        np.testing.assert_allclose(loss(labels, swapped), loss(labels, logits), rtol=1e-6)

    def test_top_class_that_holds_every_leaf_costs_nothing(self, rng):
        tree = ClassTree(["all/a", "all/b"])
        logits = 1e4 * rng.choice([-1.0, 1.0], (1, 1, 1, 2)).astype("float32")
        loss = HierarchicalCrossentropy(tree)
        value, gradient = value_and_gradient(lambda x: loss(np.array([[[2]]]), x), logits, jit=True)
        assert value == 0 and (gradient == 0).all()

    def test_value_does_not_depend_on_the_logits_common_size(self, rng):
        logits = np.round(self.logits(rng) * 64) / 64
        loss = HierarchicalCrossentropy(TREE)
        assert float(loss(LABELS, logits)) == float(loss(LABELS, logits + 8192))
