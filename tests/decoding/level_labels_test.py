import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from hypothesis import given

from hierseg_keras.decoding import best_path, level_labels
from hierseg_keras.tree import ClassTree
from tests import reference as equations
from tests.gradients import compiled
from tests.random_trees import class_trees

# Nodes: person, rider, sedan, sky, car, human, vehicle.
TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\t\tsedan\nsky")


def as_arrays(levels):
    return [keras.ops.convert_to_numpy(level) for level in levels]


class LevelLabelsTest:
    def test_hand_computed_value(self):
        levels = as_arrays(level_labels(TREE, [0, 1, 2, 3]))
        # Finest first; person, rider and sky stand for themselves above the depth that they reach.
        assert [level.tolist() for level in levels] == [[0, 1, 2, 3], [0, 1, 4, 3], [5, 5, 6, 3]]

    @given(class_trees(), st.integers(0, 2**32 - 1))
    def test_matches_numpy_reference(self, trees, seed):
        tree, reference = trees
        leaf = np.random.default_rng(seed).integers(0, tree.num_leaves, (2, 3, 2))
        levels = as_arrays(level_labels(tree, leaf))
        assert len(levels) == tree.num_levels
        for number, level in enumerate(levels, start=1):
            assert level.dtype == np.int32 and level.shape == leaf.shape
            assert set(level.flat) <= set(tree.level_classes(number).tolist())
        for pixel in np.ndindex(*leaf.shape):
            assert [int(level[pixel]) for level in levels] == equations.level_labels(reference, int(leaf[pixel]))

    def test_internal_nodes_have_no_class_below_them_and_other_labels_none(self):
        car, human = TREE.index("vehicle/car"), TREE.index("human")
        levels = as_arrays(level_labels(TREE, [car, human, -1, TREE.num_nodes, 255]))
        vehicle = TREE.index("vehicle")
        assert [level.tolist() for level in levels] == [
            [-1, -1, -1, -1, -1],
            [car, -1, -1, -1, -1],
            [vehicle, human, -1, -1, -1],
        ]

    @pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32"])
    def test_numpy_tensor_and_graph_agree(self, dtype):
        leaf = np.array([[0, 3], [2, 1]], dtype)
        expected = as_arrays(level_labels(TREE, leaf.tolist()))
        for levels in (
            level_labels(TREE, leaf),
            level_labels(TREE, keras.ops.convert_to_tensor(leaf)),
            compiled(lambda x: level_labels(TREE, x))(leaf),
        ):
            np.testing.assert_array_equal(as_arrays(levels), expected)

    def test_levels_of_the_best_path_are_one_path(self):
        logits = np.random.default_rng(0).normal(size=(2, 4, 4, TREE.num_nodes)).astype("float32")
        leaf, _ = best_path(TREE, logits)
        fine, middle, coarse = as_arrays(level_labels(TREE.to_text(), leaf))
        np.testing.assert_array_equal(fine, leaf)
        np.testing.assert_array_equal(TREE.depth_table[1][fine], middle)
        np.testing.assert_array_equal(TREE.depth_table[0][fine], coarse)

    def test_what_is_no_node_is_none(self):
        assert as_arrays(level_labels(TREE, np.array([2**32 + 1])))[0].tolist() == [-1]
        with pytest.raises(ValueError, match="`level_labels` expects integer labels. Received: label with .* 0.7"):
            level_labels(TREE, [0.7, 1.0])
        with pytest.raises(ValueError, match="Received: a tuple. Pass the first item of `best_path`"):
            level_labels(TREE, best_path(TREE, np.zeros((2, TREE.num_nodes), "float32")))

    def test_flat_tree_has_one_level(self):
        levels = as_arrays(level_labels(ClassTree(["road", "sky"]), [1, 0]))
        assert [level.tolist() for level in levels] == [[1, 0]]
