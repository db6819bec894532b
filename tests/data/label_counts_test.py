import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.data import label_counts, level_counts  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.random_trees import class_trees  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
LABELS = np.array([[[0, 0, 2], [3, 2, 255]], [[1, -1, 4], [1, 1, 0]]])
ROWS = [[2, 0, 2, 1, 1], [1, 3, 0, 0, 2]]


class LabelCountsTest:
    @hypothesis.given(class_trees(), st.integers(0, 99))
    def test_matches_a_count_by_hand(self, trees, seed):
        tree, reference = trees
        labels = np.random.default_rng(seed).integers(-1, tree.num_nodes + 1, (2, 3, 4))
        counts = label_counts(tree, labels)
        assert counts[:-1].tolist() == [(labels == node).sum() for node in range(tree.num_nodes)]
        assert counts.sum() == labels.size
        for level, pixels in enumerate(level_counts(tree, counts), start=1):
            assert sorted(pixels) == tree.level_classes(level).tolist()
            for node, count in pixels.items():
                below = [leaf for leaf in range(tree.num_nodes) if node in tree.path(leaf)]
                assert count == np.isin(labels, below).sum()

    def test_dtype_of_the_labels_need_not_hold_the_number_of_nodes(self):
        tree = ClassTree.from_paths([f"group {number % 25}/class {number}" for number in range(125)])
        assert tree.num_nodes > np.iinfo(np.int8).max
        counts = label_counts(tree, np.int8([[[0, 124, -1, -1]]]))
        assert (counts[0], counts[124], counts[-1], counts.sum()) == (1, 1, 2, 4)

    def test_batches_of_a_data_set(self):
        images = np.zeros((2, 2, 3, 3), np.float32)
        pairs = tf.data.Dataset.from_tensor_slices((images, LABELS.astype(np.int32)))
        for dataset in (pairs, pairs.batch(2), pairs.map(lambda image, label: (image, label, 1.0)), [(images, LABELS)]):
            assert label_counts(TREE, dataset).tolist() == np.sum(ROWS, axis=0).tolist()
        assert label_counts(TREE, tf.data.Dataset.from_tensor_slices(LABELS)).tolist() == np.sum(ROWS, axis=0).tolist()

    def test_per_image(self):
        for labels in (LABELS, [LABELS], [(None, LABELS)], list(LABELS.astype(np.uint8))[:1] + [LABELS[1]]):
            assert label_counts(TREE, labels, per_image=True).tolist() == ROWS
        assert label_counts(TREE, [], per_image=True).shape == (0, 5)
        with pytest.raises(
            ValueError,
            match=r"with per_image=True expects labels \(H, W\) or \(B, H, W\). Received: label.shape=\(3,\)",
        ):
            label_counts(TREE, [LABELS[0, 0]], per_image=True)

    def test_labels_that_are_no_integers_raise(self):
        for labels in (LABELS * 0.5, LABELS.astype(np.float32), LABELS > 0):
            with pytest.raises(ValueError, match="`label_counts` expects integer labels"):
                label_counts(TREE, [labels])
            with pytest.raises(ValueError, match="`label_counts` expects integer labels"):
                label_counts(TREE, [(None, labels)])

    def test_a_list_of_arrays_may_be_a_pair_or_labels(self):
        with pytest.raises(ValueError, match="pairs as tuples. Received: a list of arrays"):
            label_counts(TREE, [[LABELS[0], LABELS[1]]])
        assert label_counts(TREE, LABELS.tolist()).tolist() == np.sum(ROWS, axis=0).tolist()

    def test_labels_of_64_bits_without_sign(self):
        assert label_counts(TREE, LABELS.astype(np.uint64)).tolist() == np.sum(ROWS, axis=0).tolist()

    def test_a_data_set_without_end_raises(self):
        with pytest.raises(ValueError, match="a finite data set"):
            label_counts(TREE, tf.data.Dataset.from_tensors(LABELS).repeat())
