"""Losses beside the values of the code released with HSSN, on Cityscapes' tree; see `data/README.md`."""

import pathlib

import keras
import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin, HierarchicalCrossentropy, TreeMin, TreeMinCrossentropy
from hierseg_keras.tree import ClassTree

TREE = ClassTree.load("cityscapes")
NUM_LEAVES, NUM_CATEGORIES = 19, 7
CATEGORIES = ClassTree(TREE.names[NUM_LEAVES:])


@pytest.fixture(scope="module")
def released():
    return np.load(pathlib.Path(__file__).parent / "data" / "released_hssn_cityscapes.npz")


def value(loss, released, channels=slice(None), labels=None):
    labels = released["labels"] if labels is None else labels
    return float(keras.ops.convert_to_numpy(loss(labels, released["logits"][..., channels])))


class ReleasedHSSNTest:
    # Five times the mean over the nodes of each level.
    NODE_WEIGHTS = [5 / NUM_LEAVES] * NUM_LEAVES + [5 / NUM_CATEGORIES] * NUM_CATEGORIES

    def test_tree_min(self, released):
        assert value(TreeMin(TREE, self.NODE_WEIGHTS), released) == pytest.approx(float(released["tree_min"]), rel=1e-6)

    def test_focal_tree_min(self, released):
        loss = FocalTreeMin(TREE, node_weights=self.NODE_WEIGHTS)
        assert value(loss, released) == pytest.approx(float(released["focal_tree_min"]), rel=1e-6)

    def test_crossentropy_of_leaves(self, released):
        loss = HierarchicalCrossentropy(ClassTree([f"class {leaf}" for leaf in range(NUM_LEAVES)]))
        expected = float(released["crossentropy_leaves"])
        assert value(loss, released, slice(NUM_LEAVES)) == pytest.approx(expected, rel=1e-6)

    def test_crossentropy_of_categories(self, released):
        labels = released["labels"]
        category = TREE.level_table[1] - NUM_LEAVES
        labels = np.where(labels == 255, 255, category[np.where(labels == 255, 0, labels)])
        found = value(HierarchicalCrossentropy(CATEGORIES), released, slice(NUM_LEAVES, None), labels)
        assert found == pytest.approx(float(released["crossentropy_categories"]), rel=1e-6)

    @pytest.mark.parametrize("gamma, name, total", [(0, "tree_min", 22.65580), (2, "focal_tree_min", 18.78637)])
    def test_objective(self, released, gamma, name, total):
        crossentropies = float(released["crossentropy_leaves"]) + float(released["crossentropy_categories"])
        assert float(released[name]) + crossentropies == pytest.approx(total, abs=5e-6)
        found = value(TreeMinCrossentropy(TREE, gamma=gamma), released)
        assert found == pytest.approx(float(released[name]) + crossentropies, rel=1e-6)
        alone = value(TreeMinCrossentropy(TREE, gamma=gamma, tree_min_weight=0), released)
        assert alone == pytest.approx(crossentropies, rel=1e-6)
