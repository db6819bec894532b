"""iIoU, instance by instance, on random trees."""

import json

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from hierseg_keras.metrics import CITYSCAPES_INSTANCE_SIZES, InstanceMeanIoU
from hierseg_keras.tree import ClassTree, TreeError
from tests import reference as equations
from tests.random_trees import class_trees
from tests.wrong_shapes import SHAPE, wrong_label_shapes

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")


@st.composite
def cases(draw):
    """Some leaves with instances, labels anywhere in the tree, instances that hold pixels of one label."""
    tree, ref = draw(class_trees(min_leaves=2))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    labels = rng.integers(-1, tree.num_nodes, (2, 4, 5))
    # Three instances of each label at most, 0 for a group.
    instances = np.where(labels >= 0, labels * 4 + rng.integers(0, 4, labels.shape), 0)
    instances[instances % 4 == 0] = 0
    has_instances = rng.random(tree.num_leaves) < 0.7
    has_instances[rng.integers(tree.num_leaves)] = True
    of_leaf = {int(leaf): float(rng.uniform(1, 9)) for leaf in np.flatnonzero(has_instances)}
    return tree, ref, labels, instances, of_leaf, rng.integers(0, tree.num_leaves, labels.shape)


def reference(ref, labels, instances, of_leaf, leaves):
    """A loop over instances, in float64; `of_leaf` has the mean size of each leaf with instances."""
    results = {}
    for level in range(1, ref.num_levels + 1):
        at_level = np.array([*(ref.at_level(node, level) for node in range(ref.num_nodes)), -1])
        whole = [node for node in ref.level_classes(level) if all(leaf in of_leaf for leaf in ref.leaves(node))]
        ious = []
        for node in whole:
            right, labeled = at_level[leaves] == node, at_level[labels] == node
            elsewhere = ~labeled & (at_level[labels] >= 0)
            found = missed = 0.0
            for image in range(len(labels)):
                for instance in set(instances[image][labeled[image]]) - {0}:
                    is_instance = instances[image] == instance
                    weight = of_leaf.get(int(labels[image][is_instance][0]), 0) / is_instance.sum()
                    found += weight * (is_instance & right[image]).sum()
                    missed += weight * (is_instance & ~right[image]).sum()
            union = found + missed + (right & elsewhere).sum()
            if union > 0:
                ious.append(found / union)
        if whole:
            results[f"iiou_{level}"] = np.mean(ious) if ious else 0.0
    return {**results, "iiou_mean": np.mean(list(results.values()))}


class InstanceMeanIoUTest:
    @hypothesis.given(cases())
    def test_matches_reference(self, case):
        tree, ref, labels, instances, of_leaf, leaves = case
        metric = InstanceMeanIoU(tree, {tree.paths[leaf]: size for leaf, size in of_leaf.items()}, ignore_class=-1)
        logits = 10.0 * np.eye(tree.num_leaves, dtype="float32")[leaves]
        for image in range(2):
            metric.update_state(*(values[image : image + 1] for values in (labels, logits, instances)))
        found = {name: float(value) for name, value in metric.result().items()}
        assert found == pytest.approx(reference(ref, labels, instances, of_leaf, leaves), rel=1e-4, abs=1e-6)

    @pytest.mark.parametrize("scores", ["nodes", "leaves"])
    @hypothesis.given(cases())
    @hypothesis.settings(max_examples=4)
    def test_logits_and_probabilities_match_reference(self, scores, case):
        tree, ref, labels, instances, of_leaf, _ = case
        channels = tree.num_nodes if scores == "nodes" else tree.num_leaves
        logits = np.random.default_rng(0).normal(0, 2, (*labels.shape, channels)).astype("float32")
        expected = reference(ref, labels, instances, of_leaf, equations.best_leaves(ref, logits, scores))
        sizes = {tree.paths[leaf]: size for leaf, size in of_leaf.items()}
        probabilities = equations.probabilities_of(logits, scores).astype("float32")
        for from_logits, y_pred in ((None, logits), (True, logits), (False, probabilities)):
            metric = InstanceMeanIoU(tree, sizes, scores, from_logits, ignore_class=-1)
            metric.update_state(labels, y_pred, instances)
            found = {name: float(value) for name, value in metric.result().items()}
            assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)

    def test_instances_of_wrong_shapes_raise(self):
        metric, y_pred = InstanceMeanIoU(TREE, {"person": 5}), np.zeros((*SHAPE, 4), "float32")
        for shape in wrong_label_shapes(TREE):
            expected = "`InstanceMeanIoU` expects one integer instance number per pixel"
            with pytest.raises(ValueError, match=expected) as e:
                metric.update_state(np.zeros(SHAPE, "int32"), y_pred, np.ones(shape, "int32"))
            assert f"Received: instances.shape={shape}, y_pred.shape={y_pred.shape}." in str(e.value)

    @pytest.mark.parametrize("number", [-1, 65536, 2**32 + 1])
    def test_what_is_no_instance_number_makes_values_nan(self, number):
        """65,536 would be an instance of the next image."""
        metric, labels = InstanceMeanIoU(TREE, {"person": 5}), np.zeros((2, 1, 2), "int32")
        instances = np.array([[[1, number]], [[1, 65535]]])
        metric.update_state(labels, np.eye(3, dtype="float32")[labels], instances)
        assert all(np.isnan(float(value)) for value in metric.result().values())

    def test_fractions_are_no_instance_numbers(self):
        with pytest.raises(ValueError, match="expects integer instance numbers. Received: .* the value 0.5"):
            labels = np.zeros((1, 1, 2), "int32")
            InstanceMeanIoU(TREE, {"person": 5}).update_state(labels, np.eye(3)[labels], labels + 0.5)

    def test_small_instances_count_as_much_as_large_ones(self):
        """A person of 9 pixels found and one of 1 missed: IoU 0.9, iIoU 0.5, whatever the mean size."""
        label = np.zeros((1, 1, 10), "int32")
        instances, leaves = np.array([[[1] * 9 + [2]]]), np.array([[[0] * 9 + [2]]])
        metric = InstanceMeanIoU(TREE, {"person": 5})
        metric.update_state(label, np.eye(3, dtype="float32")[leaves], instances)
        # Human has a rider, of which no sizes are known; sky has no instances.
        assert {name: float(value) for name, value in metric.result().items()} == {"iiou_1": 0.5, "iiou_mean": 0.5}

    def test_cityscapes_has_it_for_classes_and_categories(self):
        metric = InstanceMeanIoU(ClassTree.load("cityscapes"))
        assert [path.rpartition("/")[2] for path in metric.sizes] == list(CITYSCAPES_INSTANCE_SIZES)
        assert list(metric.result()) == ["iiou_1", "iiou_2", "iiou_mean"]

    def test_sizes_by_index_or_path_are_saved_as_json(self):
        metric = InstanceMeanIoU(TREE, sizes={0: 2, ("human", "rider"): 3})
        config = json.loads(json.dumps(metric.get_config()))
        assert InstanceMeanIoU.from_config(config).sizes == metric.sizes == {TREE.paths[0]: 2, "human/rider": 3}

    @pytest.mark.parametrize(
        "sizes, error, message",
        [
            ({}, ValueError, "of at least one class, all above 0. Received: {}"),
            ({"person": 0}, ValueError, "above 0"),
            ({"human": 3}, ValueError, "expects different leaves as classes of `sizes`. Received: \\['human'\\]"),
            ({"person": 3, 0: 4}, ValueError, "different leaves .* Received: \\['person', 0\\]"),
            ({"dog": 3}, TreeError, "dog"),
        ],
    )
    def test_invalid_sizes_raise(self, sizes, error, message):
        with pytest.raises(error, match=message):
            InstanceMeanIoU(TREE, sizes)
