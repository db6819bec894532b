"""What the metrics' own outputs hold beyond the list of every metric."""

import csv

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from hierseg_keras.metrics import ConfidenceCurve, PathCoherence, TreeReport
from hierseg_keras.tree import ClassTree
from tests import reference
from tests.random_trees import class_trees

TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\t\tsedan\n\t\tvan\n\tbus\nsky")


def updated(metric, labels, y_pred):
    metric.update_state(labels, y_pred)
    return {name: float(value) for name, value in metric.result().items()}


class PathCoherenceTest:
    @hypothesis.given(trees=class_trees(), seed=st.integers(0, 2**16))
    def test_path_coherence_matches_reference(self, trees, seed):
        tree, ref = trees
        rng = np.random.default_rng(seed)
        logits = np.round(rng.normal(size=(2, 3, 4, tree.num_nodes)), 1).astype("float32")
        for leaf, pixel in zip(rng.integers(0, tree.num_leaves, 12), logits.reshape(-1, tree.num_nodes)[:12]):
            # A path, some of whose nodes may be missing or tie, and sometimes one node more.
            pixel[:] = -1
            pixel[ref.ancestors(leaf)] = rng.choice([1.0, 2.0, -0.5], p=[0.6, 0.35, 0.05], size=ref.depth(leaf))
            if rng.random() < 0.2:
                pixel[rng.integers(tree.num_nodes)] = 1.5
        labels = np.where(rng.random((2, 3, 4)) < 0.2, -1, 0)
        expected = reference.path_coherence(ref, labels, reference.probabilities_of(logits, "nodes"), -1)
        got = updated(PathCoherence(tree, "nodes", ignore_class=-1), labels, logits)
        assert tuple(got.values()) == pytest.approx(expected)

    def test_coherence_of_leaf_logits(self):
        logits = np.log(np.array([[[[0.6, 0.1, 0.1, 0.1, 0.05, 0.05], [0.4, 0.4, 0.1, 0.05, 0.03, 0.02]]]]))
        got = updated(PathCoherence(TREE), np.zeros((1, 1, 2), int), logits)
        assert got == {"path_coherence_ordered": 1, "path_coherence_single_path": 0.5}


class TreeReportTest:
    @pytest.fixture
    def report(self):
        report = TreeReport(ClassTree.from_text("human\n\tperson\n\trider\nsky"))
        report.update_state(np.array([[[0, 0, 1, 2]]]), np.eye(3)[[[[0, 1, 1, 0]]]])
        return report

    def test_rows(self, report):
        rows = {(row["level"], row["class"]): row for row in report.rows()}
        assert rows[1, "human/person"] == {
            "level": 1, "class": "human/person", "iou": pytest.approx(1 / 3), "precision": 0.5, "recall": 0.5,
            "support": 2,
        }  # fmt: skip
        assert np.isnan(rows[1, "sky"]["precision"]) and rows[2, "human"]["support"] == 3

    def test_shares_are_nan_once_a_label_was_outside_the_tree(self, report):
        report.update_state(np.array([[[9]]]), np.eye(3)[[[[0]]]])
        for row in report.rows():
            assert all(np.isnan(row[name]) for name in ("iou", "precision", "recall")) and row["support"] > 0

    def test_csv_has_the_rows(self, report, tmp_path):
        report.to_csv(tmp_path / "report.csv")
        with open(tmp_path / "report.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [row["class"] for row in rows] == [row["class"] for row in report.rows()]
        assert float(rows[0]["iou"]) == pytest.approx(1 / 3) and rows[2]["precision"] == ""


class ConfidenceCurveTest:
    @hypothesis.given(trees=class_trees(min_leaves=2), seed=st.integers(0, 2**16))
    def test_curve_matches_numpy_reference(self, trees, seed):
        tree, ref = trees
        rng = np.random.default_rng(seed)
        labels = rng.integers(-1, tree.num_nodes, (2, 3, 4))
        logits = rng.normal(scale=2, size=(*labels.shape, tree.num_nodes)).astype("float32")
        thresholds = (0.3, 0.5, 0.8)
        metric = ConfidenceCurve(tree, thresholds, "nodes", ignore_class=-1)
        updated(metric, labels, logits)
        curve = metric.curve()
        for i, threshold in enumerate(thresholds):
            probabilities = reference.probabilities_of(logits, "nodes")
            expected = reference.confidence_curve(ref, labels, probabilities, -1, threshold)
            found = [curve[name][i] for name in ("answered", "accuracy", "depth")]
            np.testing.assert_allclose(found, expected, rtol=1e-5)

    def test_curve_is_nan_once_a_label_was_outside_the_tree(self):
        metric = ConfidenceCurve(TREE, (0.3,))
        updated(metric, np.array([[[0, 77]]]), np.ones((1, 1, 2, 9)))
        assert np.isnan([metric.curve()[name] for name in ("answered", "accuracy", "depth")]).all()
        assert metric.threshold_for(0.1) is None

    def test_threshold_for_an_accuracy(self):
        metric = ConfidenceCurve(ClassTree(["a", "b"]), thresholds=(0.2, 0.6, 0.9), scores="leaves")
        logits = np.log([[[[0.95, 0.05], [0.7, 0.3], [0.7, 0.3]]]])
        metric.update_state(np.array([[[0, 0, 1]]]), logits)
        np.testing.assert_allclose(metric.curve()["accuracy"], [2 / 3, 2 / 3, 1])
        assert metric.threshold_for(0.9) == 0.9 and metric.threshold_for(0.5) == 0.2

    def test_every_higher_threshold_reaches_the_accuracy_too(self):
        metric = ConfidenceCurve(ClassTree(["a", "b"]), thresholds=(0.2, 0.6, 0.9), scores="leaves")
        metric.update_state(np.array([[[0, 1, 0]]]), np.log([[[[0.55, 0.45], [0.7, 0.3], [0.95, 0.05]]]]))
        np.testing.assert_allclose(metric.curve()["accuracy"], [2 / 3, 1 / 2, 1])
        assert metric.threshold_for(0.6) == 0.9

    def test_threshold_that_answers_nothing_reaches_any_accuracy(self):
        metric = ConfidenceCurve(ClassTree(["a", "b"]), thresholds=(0.2, 0.6, 0.9), scores="leaves")
        metric.update_state(np.array([[[1, 0]]]), np.log([[[[0.55, 0.45], [0.7, 0.3]]]]))
        np.testing.assert_allclose(metric.curve()["accuracy"], [1 / 2, 1, np.nan])
        assert metric.threshold_for(0.9) == 0.6

    def test_without_pixels_there_is_no_threshold(self):
        assert ConfidenceCurve(ClassTree(["a", "b"]), scores="leaves").threshold_for(0.9) is None

    def test_each_threshold_has_a_name_of_its_own(self):
        metric = ConfidenceCurve(TREE, thresholds=(0, 0.5, 0.99, 0.995, 0.999), name="at")
        assert list(metric.result()) == ["at_0.00", "at_0.50", "at_0.99", "at_0.995", "at_0.999"]
        metric = ConfidenceCurve(TREE, thresholds=np.arange(0.1, 0.35, 0.1), name="at")
        assert list(metric.result()) == ["at_0.10", "at_0.20", "at_0.30"]

    @pytest.mark.parametrize("thresholds", [(), (0.5, 0.2), (0.5, 0.5), (-0.1, 0.5), (0.5, 1.2), (0.5, 0.5000001)])
    def test_invalid_thresholds_raise(self, thresholds):
        with pytest.raises(ValueError, match="ascending numbers in .0, 1. that differ in their first six decimals"):
            ConfidenceCurve(TREE, thresholds)
