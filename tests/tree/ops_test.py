import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from hypothesis import given

from hierseg_keras.tree import ClassTree, ops
from hierseg_keras.tree.ops import argmax, pick_channel, sum_over_leaves, sum_over_path
from tests import reference as equations
from tests.gradients import evaluated
from tests.random_trees import class_trees

SEEDS = st.integers(0, 2**32 - 1)

# human > (person, rider), vehicle > car > sedan, sky; nodes: person, rider, sedan, sky, car, human, vehicle.
TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\t\tsedan\nsky")


class PickChannelTest:
    @given(SEEDS)
    def test_matches_numpy_reference(self, seed):
        rng = np.random.default_rng(seed)
        values, index = rng.normal(size=(2, 3, 4, 5)).astype("float32"), rng.integers(0, 5, (2, 3, 4)).astype("int32")
        expected = np.take_along_axis(values, index[..., None], axis=-1)[..., 0]
        (result,) = evaluated(lambda x: [pick_channel(x, keras.ops.convert_to_tensor(index))], values)
        assert np.array_equal(result, expected)


class PickRowTest:
    @pytest.mark.parametrize("largest", [2**31, 1])
    def test_rows_beyond_the_range_of_int32_are_found_too(self, largest, monkeypatch):
        monkeypatch.setattr(ops, "LARGEST_INDEX", largest)
        rows = np.arange(12, dtype="float32").reshape(3, 4)
        (result,) = evaluated(lambda x: [ops.pick_row(x, keras.ops.convert_to_tensor([2, 0, 1, 2]))], rows)
        assert result.tolist() == [8, 1, 6, 11]


class ArgmaxTest:
    @pytest.mark.parametrize("symbolic", [False, True])
    def test_first_of_equal_ones_as_numpy_has_it(self, symbolic):
        x = np.array([[2, 2, 1], [-0.0, 0.0, -1], [0.0, -0.0, 0.0], [-np.inf, -np.inf, -np.inf], [1, 2, 2]], "float32")
        if symbolic:
            image = keras.Input((3,))
            index = keras.Model(image, argmax(image))(x)
        else:
            index = argmax(x)
        assert keras.backend.standardize_dtype(index.dtype) == "int32"
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(index), x.argmax(axis=-1))


class SumOverLeavesTest:
    def test_hand_computed_value(self):
        result = sum_over_leaves(TREE, keras.ops.convert_to_tensor([0.1, 0.2, 0.3, 0.4]))
        # The leaves themselves; car: sedan; human: person + rider; vehicle: sedan.
        np.testing.assert_allclose(result, [0.1, 0.2, 0.3, 0.4, 0.3, 0.3, 0.3], rtol=1e-6)

    @given(class_trees(min_depth=4, min_leaves=4), SEEDS)
    def test_matches_numpy_reference(self, trees, seed):
        tree, reference = trees
        values = np.random.default_rng(seed).uniform(size=(2, 3, tree.num_leaves)).astype("float32")
        (result,) = evaluated(lambda x: [sum_over_leaves(tree, x)], values)
        for pixel in np.ndindex(2, 3):
            expected = equations.sum_over_leaves(reference, values[pixel])
            np.testing.assert_allclose(result[pixel], expected, rtol=1e-5)


class SumOverPathTest:
    def test_hand_computed_value(self):
        result = sum_over_path(TREE, keras.ops.convert_to_tensor([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]))
        # D = 3: person: human 32 + 1 + 1; rider: 32 + 2 + 2; sedan: 64 + 16 + 4; sky: 8 + 8 + 8.
        assert keras.ops.convert_to_numpy(result).tolist() == [34, 36, 84, 24]

    @given(class_trees(min_depth=4, min_leaves=4), SEEDS)
    def test_matches_numpy_reference(self, trees, seed):
        tree, reference = trees
        values = np.random.default_rng(seed).normal(size=(2, 3, tree.num_nodes)).astype("float32")
        (result,) = evaluated(lambda x: [sum_over_path(tree, x)], values)
        for pixel in np.ndindex(2, 3):
            expected = equations.sum_over_path(reference, values[pixel])
            np.testing.assert_allclose(result[pixel], expected, rtol=1e-5, atol=1e-6)
