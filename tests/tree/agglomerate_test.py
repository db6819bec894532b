"""Trees learned from confusions: planted families come back, whatever the counts around them."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from hierseg_keras.tree import ClassTree, TreeError
from hierseg_keras.tree.agglomerate import average_linkage, confusion_rates, default_sizes


def planted(families, rng, pixels=1000):
    """Counts of classes that are taken for their family's others more often than for anything else."""
    families = np.asarray(families)
    same = families[:, None] == families[None, :]
    shares = np.where(same, rng.uniform(0.05, 0.1, same.shape), rng.uniform(0, 0.02, same.shape))
    np.fill_diagonal(shares, 1)
    # Classes with many pixels and with few.
    return np.round(shares * pixels * 10 ** rng.uniform(0, 3, (len(families), 1)))


def partition(assignment):
    assignment = np.asarray(assignment)
    return {frozenset(np.flatnonzero(assignment == cluster).tolist()) for cluster in assignment}


class AverageLinkageTest:
    @hypothesis.given(st.lists(st.integers(0, 4), min_size=4, max_size=12), st.integers(0, 100))
    def test_planted_families_come_back(self, families, seed):
        count = len(set(families))
        hypothesis.assume(1 < count < len(families))
        rates = confusion_rates(planted(families, np.random.default_rng(seed)))
        assert partition(average_linkage(rates, [count])[count]) == partition(families)

    @hypothesis.given(st.integers(3, 9), st.integers(0, 100))
    def test_joins_the_pair_of_largest_mean_rate(self, num_classes, seed):
        """Beside a reference that takes the mean over pairs of classes anew at every step."""
        rates = confusion_rates(np.random.default_rng(seed).integers(0, 50, (num_classes, num_classes)))
        clusters = [(i,) for i in range(num_classes)]
        sizes = range(2, num_classes)
        found = average_linkage(rates, sizes)
        while len(clusters) > 2:
            pairs = [(a, b) for i, a in enumerate(clusters) for b in clusters[i + 1 :]]
            a, b = max(pairs, key=lambda pair: rates[np.ix_(*pair)].mean())
            clusters = [cluster for cluster in clusters if cluster not in (a, b)] + [a + b]
            assert partition(found[len(clusters)]) == {frozenset(cluster) for cluster in clusters}


class RatesTest:
    def test_are_mean_shares(self):
        rates = confusion_rates([[8, 2, 0], [10, 90, 0], [0, 0, 0]])
        np.testing.assert_allclose(rates, [[0, 0.15, 0], [0.15, 0, 0], [0, 0, 0]])

    @pytest.mark.parametrize("classes, sizes", [(11, [5, 2]), (19, [7, 3]), (124, [25, 5]), (2, []), (3, [2])])
    def test_default_sizes(self, classes, sizes):
        assert default_sizes(classes) == sizes


class FromConfusionTest:
    def test_levels_are_nested_and_single_clusters_left_out(self):
        counts = planted([0, 0, 1, 1, 2], np.random.default_rng(0))
        counts[0, 2] += counts[0, 0] * 0.04
        tree = ClassTree.from_confusion(counts, list("abcde"), sizes=[3, 2])
        assert tree.paths[:5] == (
            "a + b + 2 more/a + b/a",
            "a + b + 2 more/a + b/b",
            "a + b + 2 more/c + d/c",
            "a + b + 2 more/c + d/d",
            "e",
        )
        assert ClassTree.from_text(tree.to_text()) == tree

    def test_many_classes(self):
        families = np.arange(124) % 17
        counts = planted(families, np.random.default_rng(0))
        tree = ClassTree.from_confusion(counts, [f"c{i}" for i in range(124)], [17])
        assert tree.num_nodes == 124 + 17 and tree.names[:124] == tuple(f"c{i}" for i in range(124))
        assert partition(tree.parents[:124]) == partition(families)

    @pytest.mark.parametrize(
        "counts, sizes, error, message",
        [
            (np.ones((2, 3)), None, ValueError, "of 3 classes, \\(3, 3\\). Received: shape \\(2, 3\\)"),
            (np.full((3, 3), -1), None, ValueError, "finite and not negative"),
            (np.full((3, 3), np.nan), None, ValueError, "finite and not negative"),
            (np.ones((3, 3)), [3], TreeError, "between 2 and 2. Received: sizes=\\[3\\]"),
        ],
    )
    def test_invalid_arguments_raise(self, counts, sizes, error, message):
        with pytest.raises(error, match=message):
            ClassTree.from_confusion(counts, ["a", "b", "c"], sizes)

    def test_clusters_that_are_not_nested_raise(self):
        with pytest.raises(TreeError, match="whole clusters of the level below"):
            ClassTree.from_clusters(["a", "b", "c"], [0, 0, 1], [0, 1, 1])
        with pytest.raises(TreeError, match="of 3 classes. Received: shape \\(2,\\)"):
            ClassTree.from_clusters(["a", "b", "c"], [0, 1])
