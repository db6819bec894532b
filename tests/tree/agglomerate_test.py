"""Trees learned from confusions: planted families come back, whatever the counts around them."""

import pathlib
import subprocess
import sys

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import hierseg_keras
from hierseg_keras.tree import ClassTree, TreeError
from hierseg_keras.tree.agglomerate import AverageLinkage, confusion_rates
from tests.planted_families import classifier_counts, families, prototype_counts, unstructured_counts


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


def learned(counts, **options):
    return ClassTree.from_confusion(counts, [f"c{i}" for i in range(len(counts))], **options)


def internal_nodes(tree):
    """The leaves of each internal node."""
    return {frozenset(tree.leaves(node).tolist()) for node in range(tree.num_leaves, tree.num_nodes)}


def in_random_order(counts, levels, rng):
    order = rng.permutation(len(counts))
    return counts[np.ix_(order, order)], [np.asarray(level)[order] for level in levels]


class AverageLinkageTest:
    @hypothesis.given(st.lists(st.integers(0, 4), min_size=4, max_size=12), st.integers(0, 100))
    def test_planted_families_come_back(self, families, seed):
        count = len(set(families))
        hypothesis.assume(1 < count < len(families))
        rates = confusion_rates(planted(families, np.random.default_rng(seed)))
        assert partition(AverageLinkage(rates).clusters(count)) == partition(families)

    @hypothesis.given(st.integers(3, 9), st.integers(0, 100))
    def test_joins_the_pair_of_largest_mean_rate(self, num_classes, seed):
        """Beside a reference that takes the mean over pairs of classes anew at every step."""
        rates = confusion_rates(np.random.default_rng(seed).integers(0, 50, (num_classes, num_classes)))
        clusters = [(i,) for i in range(num_classes)]
        linkage = AverageLinkage(rates)
        while len(clusters) > 2:
            pairs = [(a, b) for i, a in enumerate(clusters) for b in clusters[i + 1 :]]
            a, b = max(pairs, key=lambda pair: rates[np.ix_(*pair)].mean())
            clusters = [cluster for cluster in clusters if cluster not in (a, b)] + [a + b]
            assert partition(linkage.clusters(len(clusters))) == {frozenset(cluster) for cluster in clusters}

    def test_heights_are_the_mean_rates_of_what_is_joined(self):
        linkage = AverageLinkage(np.array([[0, 0.4, 0.1], [0.4, 0, 0.3], [0.1, 0.3, 0]]))
        np.testing.assert_allclose(linkage.heights, [0.4, 0.2])
        assert [linkage.clusters(size).tolist() for size in (3, 2, 1)] == [[0, 1, 2], [0, 0, 1], [0, 0, 0]]


class RatesTest:
    def test_are_mean_shares(self):
        rates = confusion_rates([[8, 2, 0], [10, 90, 0], [0, 0, 0]])
        np.testing.assert_allclose(rates, [[0, 0.15, 0], [0.15, 0, 0], [0, 0, 0]])


class DefaultSizesTest:
    """The families that a tree has when nothing says how many there are."""

    @pytest.mark.parametrize("noise", [0.2, 0.5])
    def test_six_families_of_four_come_back(self, noise):
        for seed in range(20):
            rng = np.random.default_rng(seed)
            counts = classifier_counts([families(*[4] * 6)], [0.05, 0.005], rng, noise)
            counts, [level] = in_random_order(counts, [families(*[4] * 6)], rng)
            assert internal_nodes(learned(counts)) == partition(level)

    def test_six_families_of_a_nearest_prototype_classifier_come_back(self):
        for seed in range(20):
            rng = np.random.default_rng(seed)
            assignment = families(*[4] * 6)
            counts, [level] = in_random_order(prototype_counts(assignment, rng, pixels=500), [assignment], rng)
            assert internal_nodes(learned(counts)) == partition(level)

    def test_unequal_families_and_single_classes_come_back(self):
        for seed in range(10):
            rng = np.random.default_rng(seed)
            level = families(9, 6, 4, 2, 1, 1, 1)
            tree = learned(classifier_counts([level], [0.04, 0.005], rng, noise=0.3))
            assert internal_nodes(tree) == {members for members in partition(level) if len(members) > 1}

    def test_families_of_families_make_two_levels(self):
        for seed in range(10):
            rng = np.random.default_rng(seed)
            levels = [np.arange(27) // 3, np.arange(27) // 9]
            tree = learned(classifier_counts(levels, [0.1, 0.02, 0.002], rng, noise=0.2))
            assert internal_nodes(tree) == partition(levels[0]) | partition(levels[1]) and tree.num_levels == 3

    def test_many_classes_in_families_come_back(self):
        level = np.arange(124) % 17
        tree = learned(classifier_counts([level], [0.03, 0.001], np.random.default_rng(0)))
        assert internal_nodes(tree) == partition(level)

    def test_families_that_are_never_confused_come_back(self):
        level = families(3, 2, 1)
        counts = 10 * (level[:, None] == level[None, :])
        assert internal_nodes(learned(counts)) == {frozenset({0, 1, 2}), frozenset({3, 4})}

    def test_no_structure_makes_no_family(self):
        for seed in range(10):
            assert learned(unstructured_counts(24, np.random.default_rng(seed))).num_levels == 1

    @pytest.mark.parametrize("counts", [np.eye(5), np.zeros((5, 5)), np.ones((5, 5)), np.ones((2, 2)), np.ones((1, 1))])
    def test_classes_that_are_all_alike_make_no_family(self, counts):
        assert learned(counts).num_nodes == len(counts)

    def test_a_class_that_is_never_confused_makes_no_family_of_the_others(self):
        counts = np.full((8, 8), 5) + np.diag(np.full(8, 80))
        counts[0], counts[:, 0] = np.eye(8)[0] * 100, np.eye(8)[0] * 100
        assert learned(counts).num_nodes == 8

    def test_classes_without_a_label_are_in_no_family(self):
        rng, level = np.random.default_rng(0), families(4, 4, 4, 1, 1, 1, 1, 1, 1)
        counts = classifier_counts([level], [0.05, 0.005], rng, noise=0.2)
        counts[12:], counts[:, 12:] = 0, 0
        assert internal_nodes(learned(counts)) == {frozenset(range(i, i + 4)) for i in (0, 4, 8)}

    @hypothesis.given(st.integers(1, 9), st.integers(0, 1000))
    @hypothesis.settings(max_examples=60)
    def test_any_counts_make_a_tree(self, num_classes, seed):
        """Sparse counts, many of them equal, and classes without a label or a prediction."""
        rng = np.random.default_rng(seed)
        counts = rng.poisson(rng.choice([0.1, 1, 30]), (num_classes, num_classes))
        tree = learned(counts * rng.integers(0, 2, (num_classes, 1)))
        assert tree.names[:num_classes] == tuple(f"c{i}" for i in range(num_classes))
        assert all(1 < len(members) < num_classes for members in internal_nodes(tree))
        assert ClassTree.from_text(tree.to_text()) == tree

    def test_the_same_counts_make_the_same_tree(self):
        counts = np.random.default_rng(0).integers(0, 3, (12, 12))
        assert learned(counts) == learned(counts.copy()) == learned(counts.astype("float32"))

    def test_scipy_is_imported_by_from_confusion_alone(self):
        """Seen where the package's `__init__`, which imports Keras, is not run."""
        folder = pathlib.Path(hierseg_keras.__file__).parent
        script = f"""
import importlib.util, sys
for name, file in (("hierseg_keras", {str(folder)!r}), ("hierseg_keras.tree", {str(folder / "tree")!r})):
    spec = importlib.util.spec_from_file_location(name, file + "/__init__.py", submodule_search_locations=[file])
    sys.modules[name] = importlib.util.module_from_spec(spec)
from hierseg_keras.tree.class_tree import ClassTree
assert not {{"scipy", "keras", "tensorflow"}} & sys.modules.keys()
ClassTree.from_confusion([[1, 0], [0, 1]], ["a", "b"])
assert "scipy" in sys.modules and not {{"keras", "tensorflow"}} & sys.modules.keys()
"""
        subprocess.run([sys.executable, "-c", script], check=True)


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
            (
                np.ones((2, 3)),
                None,
                ValueError,
                "\\(3, 3\\) for 3 names. Received: confusion.shape=\\(2, 3\\)",
            ),
            (np.full((3, 3), -1), None, ValueError, "finite and not negative"),
            (np.full((3, 3), np.nan), None, ValueError, "finite and not negative"),
            (np.ones((3, 3)), [3], TreeError, "from 2 to 2, numbers of clusters. Received: sizes=\\[3\\]"),
        ],
    )
    def test_invalid_arguments_raise(self, counts, sizes, error, message):
        with pytest.raises(error, match=message):
            ClassTree.from_confusion(counts, ["a", "b", "c"], sizes)

    @pytest.mark.parametrize("sizes", [[2.0], [True], ["2"], [np.nan], 2, [1], [-1], [None]])
    def test_sizes_that_are_no_numbers_of_clusters_raise(self, sizes):
        with pytest.raises(TreeError, match="`sizes` expects a list of integers from 2 to 2"):
            ClassTree.from_confusion(np.ones((3, 3)), ["a", "b", "c"], sizes)

    def test_sizes_of_numpy_count_once_each(self):
        counts = planted([0, 0, 1, 1, 2], np.random.default_rng(0))
        assert learned(counts, sizes=np.array([3, 2, 3])) == learned(counts, sizes=[2, 3])

    def test_names_are_not_the_letters_of_a_string(self):
        with pytest.raises(TypeError, match="`names` expects a sequence of class names. Received: names='abc'"):
            ClassTree.from_confusion(np.ones((3, 3)), "abc")
        with pytest.raises(TypeError, match="`names` expects a sequence of class names"):
            ClassTree.from_clusters("abc", [0, 0, 1])

    @pytest.mark.parametrize("clusters", [[0.0, 0, 1], [0, np.nan, 1], [True, True, False], list("aab"), [0, None, 1]])
    def test_clusters_that_are_no_integers_raise(self, clusters):
        with pytest.raises(TreeError, match="`assignments` expects integers. Received: "):
            ClassTree.from_clusters(["a", "b", "c"], clusters)

    def test_clusters_that_are_not_nested_raise(self):
        with pytest.raises(TreeError, match="whole clusters of the level below"):
            ClassTree.from_clusters(["a", "b", "c"], [0, 0, 1], [0, 1, 1])
        with pytest.raises(TreeError, match="one cluster per class, \\(3,\\). Received: shape=\\(2,\\)"):
            ClassTree.from_clusters(["a", "b", "c"], [0, 1])
