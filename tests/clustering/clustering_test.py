"""Clusters of classes: planted ones are found, and the trade-off is the paper's."""

import warnings

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from hierseg_keras.clustering import (
    TradeOff,
    cluster_mean_iou,
    constant_ratio_sizes,
    embedding_clusters,
    spectral_clusters,
    trade_off,
)
from hierseg_keras.clustering.trade_off import ORIGIN


def planted(num_classes, num_clusters, seed):
    """Counts of classes that are taken for those of their cluster, and the clusters."""
    rng = np.random.default_rng(seed)
    clusters = np.concatenate([np.arange(num_clusters), rng.integers(0, num_clusters, num_classes - num_clusters)])
    clusters = rng.permutation(clusters)
    same = clusters[:, None] == clusters[None, :]
    counts = rng.integers(50, 100, same.shape) * same + rng.integers(0, 3, same.shape) * ~same
    np.fill_diagonal(counts, 1000)
    return counts, counted_by_smallest(clusters)


def counted_by_smallest(clusters):
    numbers = {}
    return np.array([numbers.setdefault(cluster, len(numbers)) for cluster in clusters])


class SpectralClustersTest:
    @pytest.mark.parametrize("num_classes, num_clusters", [(11, 4), (19, 7), (40, 8), (124, 17)])
    @pytest.mark.parametrize("seed", range(3))
    def test_planted_clusters_are_found(self, num_classes, num_clusters, seed):
        counts, clusters = planted(num_classes, num_clusters, seed)
        np.testing.assert_array_equal(spectral_clusters(counts, num_clusters), clusters)

    def test_classes_that_are_never_confused_and_absent_ones(self):
        counts = np.diag([9, 9, 9, 9, 0])
        counts[0, 1] = 3
        assert spectral_clusters(counts, 3).tolist() == [0, 0, 1, 2, 3]
        assert spectral_clusters(counts, 4).tolist() == [0, 1, 2, 3, 4]
        assert spectral_clusters(counts, 1).tolist() == [0, 0, 0, 0, 1]

    @pytest.mark.parametrize("size", [0, 4, 1.5])
    def test_invalid_sizes_raise(self, size):
        with pytest.raises(ValueError, match=f"3, the number of classes present. Received: num_clusters={size}"):
            spectral_clusters(np.eye(3), size)


class EmbeddingClustersTest:
    @pytest.mark.parametrize("seed", range(3))
    def test_planted_clusters_are_found(self, seed):
        rng = np.random.default_rng(seed)
        clusters = np.array([0, 1, 2, 0, 1, 2, 2])
        embeddings = 10 * np.eye(3, 5)[clusters] + rng.normal(0, 0.5, (7, 5))
        assert embedding_clusters(embeddings, 3, seed).tolist() == clusters.tolist()

    def test_absent_class_is_a_cluster_of_its_own(self):
        assert embedding_clusters([[0.0], [np.nan], [0.1], [5.0]], 2).tolist() == [0, 1, 0, 2]
        with pytest.raises(ValueError, match="one vector per class, \\(K, C\\). Received: shape \\(3,\\)"):
            embedding_clusters([1, 2, 3], 2)


class ClusterMeanIoUTest:
    @hypothesis.given(st.integers(2, 8), st.integers(1, 5), st.integers(0, 100))
    def test_is_that_of_pixels_relabeled(self, num_classes, num_clusters, seed):
        """Beside IoUs of sets of pixels."""
        rng = np.random.default_rng(seed)
        label, predicted = rng.integers(0, num_classes, (2, 60))
        assignment = counted_by_smallest(rng.integers(0, num_clusters, num_classes))
        counts = np.zeros((num_classes, num_classes))
        np.add.at(counts, (label, predicted), 1)
        ious = []
        for cluster in range(assignment.max() + 1):
            a, b = assignment[label] == cluster, assignment[predicted] == cluster
            if (a | b).any():
                ious.append((a & b).sum() / (a | b).sum())
        assert cluster_mean_iou(counts, assignment) == pytest.approx(np.mean(ious))

    def test_what_is_no_clustering_raises(self):
        for assignment in ([0, -1], [0.0, 1.0], [0], [[0, 1]]):
            with pytest.raises(ValueError, match="one integer >= 0 per class \\(2\\). Received: counts of 4 pix"):
                cluster_mean_iou(np.ones((2, 2)), assignment)
        with pytest.raises(ValueError, match="expects counts of pixels.*Received: counts of 0 pixels"):
            cluster_mean_iou(np.zeros((2, 2)), [0, 1])
        with pytest.raises(ValueError, match="expects counts, finite"):
            cluster_mean_iou(np.full((2, 2), np.nan), [0, 1])


class TradeOffTest:
    def curve(self, mean_ious, reference=0.8):
        sizes = range(len(mean_ious) + 1, 1, -1)
        return TradeOff({}, dict(zip(sizes, mean_ious)), len(mean_ious) + 1, reference)

    def test_line_through_the_origin(self):
        """There the mIoU is in proportion to the number of classes."""
        assert ORIGIN == pytest.approx(75.96, abs=0.01)
        found = TradeOff({}, {10: 0.5, 5: 0.4}, 10, 0.8)
        assert found.angle(5) == pytest.approx(ORIGIN) and found.angle(10) == 0

    def test_angles(self):
        assert [self.curve([0.2, 0.8, 0.9]).angle(size) for size in (4, 3, 2)] == [0, 90, 90]

    @pytest.mark.parametrize(
        "mean_ious, theta, size",
        [
            ([0.4, 0.5, 0.6, 0.7], 0, 5),
            # Angles 0, 64.9, 81.1 and 87.0.
            ([0.4, 0.5, 0.6, 0.7], 50, 4),
            ([0.4, 0.5, 0.6, 0.7], "origin", 3),
            ([0.4, 0.5, 0.6, 0.7], 88, 2),
            ([0.4, 0.5, 0.6, 0.8], 90, 2),
            ([0.9, 0.9, 0.9, 0.9], "origin", 5),
        ],
    )
    def test_size_is_the_nearest_to_the_crossing(self, mean_ious, theta, size):
        assert self.curve(mean_ious).size(theta) == size

    @pytest.mark.parametrize("num_classes, num_clusters", [(11, 3), (19, 6)])
    def test_planted_clusters_are_chosen(self, num_classes, num_clusters):
        """Where a stage tells clusters apart and classes not, and the final output both."""
        counts, clusters = planted(num_classes, num_clusters, seed=0)
        np.fill_diagonal(counts, counts.max(initial=0, where=~np.eye(num_classes, dtype=bool)))
        final = np.round(counts * 0.2) + 300 * np.eye(num_classes)
        found = trade_off(counts, final)
        assert sorted(found.clusterings) == list(range(2, num_classes + 1))
        np.testing.assert_array_equal(found.clusterings[num_clusters], clusters)
        assert found.size(90) <= found.size("origin") <= found.size(0) == num_classes
        assert found.mean_ious[num_clusters] > found.reference

    def test_absent_classes_are_no_part_of_the_sizes(self):
        counts = np.eye(5) * 8 + 1
        counts[4] = 0
        found = trade_off(counts, counts)
        assert found.num_classes == 4 and sorted(found.clusterings) == [2, 3, 4]
        assert all(clusters[4] not in clusters[:4] for clusters in found.clusterings.values())

    def test_numbers_of_clusters_that_equal_embeddings_do_not_reach_are_left_out(self):
        embeddings = [[0, 0], [0, 0], [0, 0], [1, 1], [1, 1]]
        counts = np.eye(5) * 90 + 10
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = trade_off(counts, counts, lambda _, size: embedding_clusters(embeddings, size))
        assert sorted(found.clusterings) == sorted(found.mean_ious) == [2, 5]

    def test_absent_classes_that_are_predicted_are_no_clusters_of_a_mean(self):
        counts = np.eye(5) * 8 + 1
        counts[4] = 0
        found = trade_off(
            counts, counts, lambda _, size: np.array([0, 1, 2, 3, 4]).clip(max=size - 1) + [0, 0, 0, 0, 1]
        )
        # Of each class, 9 of 13 pixels are right, and 3 pixels of the others are taken for it.
        assert found.mean_ious[4] == found.reference == pytest.approx(9 / 16)
        # Of the last three classes together, 33 of 39 are right, and 3 of the first are taken for one of them.
        assert found.mean_ious[2] == pytest.approx((9 / 16 + 33 / 42) / 2)

    def test_invalid_arguments_raise(self):
        with pytest.raises(ValueError, match="3 classes or more. Received: confusion with 2"):
            trade_off(np.diag([1, 1, 0]), np.eye(3))
        with pytest.raises(ValueError, match='degrees between 0 and 90, or "origin". Received: theta=91'):
            self.curve([0.1, 0.2]).size(91)
        with pytest.raises(ValueError, match="degrees between 0 and 90, or .*Received: theta='orgin'"):
            self.curve([0.1, 0.2]).size("orgin")


class ConstantRatioSizesTest:
    @pytest.mark.parametrize(
        "num_classes, num_stages, ratio, sizes",
        [(40, 2, 0.5, [10, 20]), (19, 2, 0.5, [5, 10]), (5, 3, 0.5, [2, 2, 2]), (100, 1, 0.9, [90])],
    )
    def test_each_stage_has_a_share_of_the_next_ones(self, num_classes, num_stages, ratio, sizes):
        assert constant_ratio_sizes(num_classes, num_stages, ratio) == sizes

    def test_other_ratios_raise(self):
        with pytest.raises(ValueError, match="0 < ratio < 1. Received: .*ratio=1"):
            constant_ratio_sizes(19, 2, 1)
