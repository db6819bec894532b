import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.data import class_weights, label_counts  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.random_trees import class_trees  # noqa: E402

# person 0, rider 1, sky 2, human 3.
TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
METHODS = ["inverse_frequency", "median_frequency", "effective_number"]


class ClassWeightsTest:
    def test_inverse_frequency_by_hand(self):
        # N / n = 10, 20, 100 / 85; their mean over the pixels is 3, and human's (10 * 10 + 5 * 20) / 15.
        expected = np.array([10, 20, 100 / 85, 200 / 15]) / 3
        np.testing.assert_allclose(class_weights(TREE, [10, 5, 85, 0, 7]), expected, rtol=1e-6)

    def test_median_frequency_by_hand(self):
        # Two images of 10 and 20 labeled pixels: person in both, rider in the first, sky in the second.
        counts = [[6, 4, 0, 0, 5], [5, 0, 15, 0, 0]]
        frequencies = np.array([11 / 30, 4 / 10, 15 / 20])
        weights = np.median(frequencies) / frequencies
        weights *= 30 / (weights @ [11, 4, 15])
        np.testing.assert_allclose(class_weights(TREE, counts, "median_frequency")[:3], weights, rtol=1e-6)
        # Without images, every class counts as one of all of them.
        summed = class_weights(TREE, np.sum(counts, axis=0), "median_frequency")
        np.testing.assert_allclose(summed, class_weights(TREE, np.sum(counts, axis=0)), rtol=1e-6)

    @pytest.mark.parametrize("beta", [0.9, 0.999, None])
    def test_effective_number_by_hand(self, beta):
        counts = np.array([10, 5, 85])
        used = 99 / 100 if beta is None else beta
        weights = (1 - used) / (1 - used**counts)
        weights *= 100 / (weights @ counts)
        found = class_weights(TREE, [*counts, 0, 7], "effective_number", beta=beta)
        np.testing.assert_allclose(found[:3], weights, rtol=1e-6)

    def test_effective_number_goes_between_equal_and_inverse_weights(self):
        counts = [10**9, 10**6, 10**3, 0, 0]
        equal = class_weights(TREE, counts, "effective_number", beta=1e-9)
        np.testing.assert_allclose(equal, 1, rtol=1e-6)
        inverse = class_weights(TREE, counts, "effective_number", beta=1 - 1e-15)
        np.testing.assert_allclose(inverse, class_weights(TREE, counts), rtol=1e-4)

    @pytest.mark.parametrize("method", METHODS)
    @hypothesis.given(trees=class_trees(), seed=st.integers(0, 99))
    def test_the_mean_over_labeled_pixels_is_1(self, method, trees, seed):
        tree, _ = trees
        rng = np.random.default_rng(seed)
        counts = rng.integers(0, 50, (3, tree.num_nodes + 1)) * (rng.random(tree.num_nodes + 1) < 0.7)
        counts[0, 0] += 1
        weights = class_weights(tree, counts, method)
        assert weights.shape == (tree.num_nodes,) and weights.dtype == np.float32
        assert np.isfinite(weights).all() and (weights > 0).all()
        pixels = counts.sum(0)[:-1]
        assert weights @ pixels / pixels.sum() == pytest.approx(1, rel=1e-5)

    @pytest.mark.parametrize("method", METHODS)
    def test_an_absent_leaf_weighs_as_the_heaviest(self, method):
        weights = class_weights(TREE, [10, 0, 90, 0, 0], method)
        assert weights[1] == weights[0] > weights[2]

    def test_pixels_of_a_coarse_label_count_for_the_leaves_below(self):
        # 30 of human's 60 are person's and 30 rider's, in the proportion of their own 5 and 5.
        coarse, fine = class_weights(TREE, [5, 5, 30, 60, 0]), class_weights(TREE, [35, 35, 30, 0, 0])
        np.testing.assert_allclose(coarse, fine, rtol=1e-6)
        np.testing.assert_allclose(coarse[3], coarse[0])
        # In equal parts where the leaves have none of their own.
        np.testing.assert_allclose(class_weights(TREE, [0, 0, 30, 60, 0]), class_weights(TREE, [30, 30, 30, 0, 0]))

    def test_no_label_has_no_influence(self):
        np.testing.assert_array_equal(class_weights(TREE, [1, 2, 3, 0, 0]), class_weights(TREE, [1, 2, 3, 0, 10**9]))

    def test_invalid_arguments_raise(self):
        for counts in ([1, 2, 3], [1, 2, 3, 4], np.ones((2, 3, 5)), ["a"] * 5, 3):
            with pytest.raises(ValueError, match=r"and one for pixels without a label, \(5,\)"):
                class_weights(TREE, counts)
        for counts in ([0, 0, 0, 0, 9], [1, -1, 0, 0, 0], [1, np.nan, 0, 0, 0], [1, np.inf, 0, 0, 0]):
            with pytest.raises(ValueError, match="counts of at least 0, and at least one labeled pixel"):
                class_weights(TREE, counts)
        with pytest.raises(ValueError, match="Received: method='median'"):
            class_weights(TREE, [1, 2, 3, 0, 0], "median")
        for beta in (0, 1, -0.5, np.nan, True, "0.9"):
            with pytest.raises(ValueError, match="expects a number between 0 and 1, or None, as `beta`"):
                class_weights(TREE, [1, 2, 3, 0, 0], "effective_number", beta)

    def test_from_the_batches_of_a_data_set(self, data_dir):
        from hierseg_keras import data

        tree = ClassTree.load("street_blocks")
        dataset = data.load("street_blocks", "train[:8]", batch_size=3, data_dir=data_dir)
        counts = label_counts(tree, dataset, per_image=True)
        assert counts.shape == (8, tree.num_nodes + 1)
        weights = class_weights(tree, counts, "median_frequency")
        labels = np.concatenate([label.ravel() for _, label in dataset.as_numpy_iterator()])
        assert weights[labels[labels < tree.num_nodes]].mean() == pytest.approx(1, rel=1e-5)
