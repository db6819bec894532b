import keras
import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin, HierarchicalCrossentropy, TreeBinaryCrossentropy
from hierseg_keras.metrics import DepthLoss
from hierseg_keras.tree import ClassTree

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")


def results(metric):
    return [float(value) for value in metric.result().values()]


class DepthLossTest:
    def test_hand_computed_value(self):
        # person: human at depth 1 has 0.5 + 0.3, itself at depth 2 0.5. sky stands for itself: 0.2 twice.
        metric = DepthLoss(HierarchicalCrossentropy(TREE))
        logits = np.log([[[[0.5, 0.3, 0.2]] * 3]])
        metric.update_state(np.array([[[0, 2, 255]]]), logits)
        expected = [-(np.log(0.8) + np.log(0.2)) / 2, -(np.log(0.5) + np.log(0.2)) / 2]
        assert results(metric) == pytest.approx(expected)

    def test_node_terms_fall_to_their_own_depth(self):
        # All scores 0: log 2 a node; depth 1 has human and sky, depth 2 person and rider.
        metric = DepthLoss(TreeBinaryCrossentropy(TREE))
        metric.update_state(np.array([[[0]]]), np.zeros((1, 1, 1, 4)))
        assert results(metric) == pytest.approx([2 * np.log(2), 2 * np.log(2)])

    @pytest.mark.parametrize("loss", [HierarchicalCrossentropy, TreeBinaryCrossentropy, FocalTreeMin])
    def test_loss_averaged_by_depth_is_the_sum_of_its_depths(self, loss):
        """Batch by batch, one of which has no pixel at depth 2."""
        rng, channels = np.random.default_rng(0), 3 if loss is HierarchicalCrossentropy else 4
        labels, logits = rng.integers(0, 4, (4, 2, 3)), rng.normal(size=(4, 2, 3, channels))
        labels[1], labels[2, 0] = 3, 255
        loss = loss(TREE, averaging="depth")
        metric = DepthLoss(loss)
        for i in range(4):
            metric.update_state(labels[i : i + 1], logits[i : i + 1], sample_weight=np.ones(1))
        assert sum(results(metric)) == pytest.approx(float(loss(labels, logits)), rel=1e-5)
        metric.reset_state()
        metric.update_state(labels[1:2], logits[1:2])
        assert results(metric)[1] == 0 < results(metric)[0]

    def test_hand_computed_value_of_mixed_depth(self):
        # person, rider and two pixels of human: depth 1 has four terms, depth 2 two.
        logits = np.log([[[[0.5, 0.3, 0.2]] * 4]])
        for averaging, count in (("pixels", 4), ("depth", 2)):
            metric = DepthLoss(HierarchicalCrossentropy(TREE, averaging=averaging))
            metric.update_state(np.array([[[0, 1, 3, 3]]]), logits)
            assert results(metric) == pytest.approx([-np.log(0.8), -(np.log(0.5) + np.log(0.3)) / count])

    def test_batches_equal_one_pass(self):
        rng = np.random.default_rng(0)
        labels, logits = rng.integers(0, 4, (4, 2, 3)), rng.normal(size=(4, 2, 3, 4))
        labels[0] = 255
        whole, parts = DepthLoss(FocalTreeMin(TREE)), DepthLoss(FocalTreeMin(TREE))
        whole.update_state(labels, logits)
        for i in range(4):
            parts.update_state(labels[i : i + 1], logits[i : i + 1])
        assert results(whole) == pytest.approx(results(parts))
        assert sum(results(whole)) == pytest.approx(float(FocalTreeMin(TREE)(labels, logits)), rel=1e-5)

    def test_reset_state_and_nothing_labeled(self):
        metric = DepthLoss(FocalTreeMin(TREE))
        metric.update_state(np.array([[[0]]]), np.zeros((1, 1, 1, 4)))
        metric.reset_state()
        metric.update_state(np.array([[[255]]]), np.zeros((1, 1, 1, 4)))
        assert results(metric) == [0.0, 0.0]

    def test_config_round_trip(self):
        metric = DepthLoss(FocalTreeMin(TREE, gamma=1.5), name="loss_at")
        revived = keras.metrics.deserialize(keras.metrics.serialize(metric))
        assert revived.get_config() == metric.get_config()
        assert revived.loss.gamma == 1.5

    def test_invalid_arguments_raise(self):
        with pytest.raises(TypeError, match="HierarchicalCrossentropy"):
            DepthLoss(keras.losses.SparseCategoricalCrossentropy())
