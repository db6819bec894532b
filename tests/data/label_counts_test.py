import hypothesis
import hypothesis.strategies as st
import numpy as np

from hierseg_keras.data.label_counts import label_counts, level_counts
from tests.random_trees import class_trees


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
