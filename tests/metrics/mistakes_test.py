"""The metrics of mistakes against their definitions, pixel by pixel, on random trees."""

import csv

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest

from hierseg_keras.metrics import (
    ConfidenceCurve,
    HierarchicalFScore,
    LevelAccuracy,
    LevelMeanIoU,
    MistakeSeverity,
    PathCoherence,
    TreeReport,
)
from hierseg_keras.tree import ClassTree
from tests.random_trees import class_trees

TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\t\tsedan\n\t\tvan\n\tbus\nsky")
ALL = (ConfidenceCurve, HierarchicalFScore, LevelAccuracy, LevelMeanIoU, MistakeSeverity, PathCoherence, TreeReport)
if keras.backend.backend() == "jax":
    # Slow there; the report is read from the same confusion as those left out.
    ALL = (ConfidenceCurve, PathCoherence, TreeReport)


def results(metric):
    value = metric.result()
    value = value if isinstance(value, dict) else {metric.name: value}
    return {name: float(figure) for name, figure in value.items()}


def leaf_logits(leaves, num_leaves):
    return 10.0 * np.eye(num_leaves, dtype="float32")[leaves]


def divided(part, whole):
    return part / whole if whole else 0.0


@st.composite
def predicted_trees(draw):
    """A tree with its reference, labels at any node, some ignored, and predicted leaves."""
    tree, ref = draw(class_trees(min_leaves=2))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    labels = rng.integers(0, tree.num_nodes, (2, 3, 4))
    labels[rng.random(labels.shape) < 0.2] = -1
    return tree, ref, labels, rng.integers(0, tree.num_leaves, labels.shape)


def updated(metric, labels, y_pred):
    """In two batches, which must count as one."""
    for image in range(len(labels)):
        metric.update_state(labels[image : image + 1], y_pred[image : image + 1])
    return results(metric)


class MistakesTest:
    @hypothesis.given(case=predicted_trees())
    def test_mistake_severity_matches_reference(self, case):
        tree, ref, labels, leaves = case
        heights = [
            ref.num_levels - ref.common_depth(label, leaf)
            for label, leaf in zip(labels.flat, leaves.flat)
            if label >= 0 and leaf not in ref.leaves(label)
        ]
        got = updated(
            MistakeSeverity(tree, "leaves", ignore_class=-1), labels, leaf_logits(leaves, tree.num_leaves)
        )
        assert got["mistake_severity"] == pytest.approx(np.mean(heights) if heights else 0, rel=1e-5)

    @hypothesis.given(case=predicted_trees())
    def test_hierarchical_f_score_matches_reference(self, case):
        tree, ref, labels, leaves = case
        shared = predicted = labelled = 0
        for label, leaf in zip(labels.flat, leaves.flat):
            if label < 0:
                continue
            truth, guess = set(ref.ancestors(label)), set(ref.ancestors(leaf))
            # What lies below an internal label is not known to be wrong.
            guess -= set(ref.descendants(label)) - {label}
            shared, predicted, labelled = shared + len(truth & guess), predicted + len(guess), labelled + len(truth)
        got = updated(
            HierarchicalFScore(tree, "leaves", ignore_class=-1), labels, leaf_logits(leaves, tree.num_leaves)
        )
        precision, recall = divided(shared, predicted), divided(shared, labelled)
        assert got["hierarchical_precision"] == pytest.approx(precision, rel=1e-5)
        assert got["hierarchical_recall"] == pytest.approx(recall, rel=1e-5)
        expected = divided(2 * precision * recall, precision + recall)
        assert got["hierarchical_f"] == pytest.approx(expected, rel=1e-5)

    @hypothesis.given(case=predicted_trees())
    def test_level_accuracy_matches_reference(self, case):
        tree, ref, labels, leaves = case
        expected = []
        for level in range(1, tree.num_levels + 1):
            is_right = [
                ref.at_level(label, level) == ref.at_level(leaf, level)
                for label, leaf in zip(labels.flat, leaves.flat)
                if label >= 0 and ref.at_level(label, level) >= 0
            ]
            expected.append(np.mean(is_right) if is_right else 0)
        got = updated(LevelAccuracy(tree, "leaves", ignore_class=-1), labels, leaf_logits(leaves, tree.num_leaves))
        np.testing.assert_allclose([got[f"accuracy_{i + 1}"] for i in range(tree.num_levels)], expected, rtol=1e-5)
        assert got["accuracy_mean"] == pytest.approx(np.mean(expected), rel=1e-5)

    @hypothesis.given(case=predicted_trees())
    def test_report_has_the_figures_of_each(self, case):
        tree, _, labels, leaves = case
        y_pred = leaf_logits(leaves, tree.num_leaves)
        expected = {}
        for metric in (LevelMeanIoU, LevelAccuracy, MistakeSeverity, HierarchicalFScore):
            expected |= updated(metric(tree, "leaves", ignore_class=-1), labels, y_pred)
        got = updated(TreeReport(tree, "leaves", ignore_class=-1), labels, y_pred)
        assert got == pytest.approx(expected, nan_ok=True)

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
        ordered, single = [], []
        for label, pixel in zip(labels.flat, logits.reshape(-1, tree.num_nodes)):
            if label < 0:
                continue
            ordered.append(all(ref.parent(v) < 0 or pixel[v] <= pixel[ref.parent(v)] for v in range(ref.num_nodes)))
            above = {v for v in range(ref.num_nodes) if pixel[v] > 0}
            single.append(any(above == set(ref.ancestors(leaf)) for leaf in range(ref.num_leaves)))
        got = updated(PathCoherence(tree, "nodes", ignore_class=-1), labels, logits)
        assert got["path_coherence_ordered"] == pytest.approx(np.mean(ordered) if ordered else 0)
        assert got["path_coherence_single_path"] == pytest.approx(np.mean(single) if single else 0)

    def test_coherence_of_leaf_logits(self):
        logits = np.log(np.array([[[[0.6, 0.1, 0.1, 0.1, 0.05, 0.05], [0.4, 0.4, 0.1, 0.05, 0.03, 0.02]]]]))
        got = updated(PathCoherence(TREE), np.zeros((1, 1, 2), int), logits)
        assert got == {"path_coherence_ordered": 1, "path_coherence_single_path": 0.5}

    @pytest.mark.parametrize("metric", ALL)
    def test_ignored_and_weightless_pixels_are_left_out(self, metric):
        rng = np.random.default_rng(0)
        labels, logits = rng.integers(0, TREE.num_nodes, (2, 4, 4)), rng.normal(size=(2, 4, 4, TREE.num_nodes))
        expected = updated(metric(TREE), labels[:1], logits[:1])
        ignored = np.where(np.arange(2)[:, None, None] == 1, 255, labels)
        assert updated(metric(TREE), ignored, logits) == expected
        for weight in (np.array([1.0, 0.0]), np.broadcast_to([[[0.5]], [[0.0]]], labels.shape)):
            weighted = metric(TREE)
            weighted.update_state(labels, logits, weight)
            assert results(weighted) == expected

    @pytest.mark.parametrize("metric", ALL)
    def test_nothing_labelled_is_zero(self, metric):
        got = updated(metric(TREE), np.full((1, 2, 2), 255), np.zeros((1, 2, 2, TREE.num_nodes)))
        assert set(got.values()) == {0}

    @pytest.mark.parametrize("metric", ALL)
    def test_state_is_reset_and_configuration_kept(self, metric):
        made = metric(TREE, ignore_class=-1)
        labels, logits = np.zeros((1, 2, 2), int), np.ones((1, 2, 2, TREE.num_nodes))
        before = results(made)
        updated(made, labels, logits)
        made.reset_state()
        assert results(made) == before
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
        assert again.get_config() == made.get_config() and again.name == made.name
        assert updated(again, labels, logits) == updated(made, labels, logits)

    @pytest.mark.parametrize("metric", [m for m in ALL if m is not ConfidenceCurve])
    def test_prediction_that_is_not_finite_makes_figures_nan(self, metric):
        logits = np.zeros((1, 2, 2, TREE.num_nodes))
        logits[0, 0, 0, 0] = np.nan
        assert np.isnan(list(updated(metric(TREE), np.zeros((1, 2, 2), int), logits).values())).all()


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

    def test_csv_has_the_rows(self, report, tmp_path):
        report.to_csv(tmp_path / "report.csv")
        with open(tmp_path / "report.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [row["class"] for row in rows] == [row["class"] for row in report.rows()]
        assert float(rows[0]["iou"]) == pytest.approx(1 / 3) and rows[2]["precision"] == ""


class ConfidenceCurveTest:
    @hypothesis.given(case=predicted_trees(), seed=st.integers(0, 2**16))
    def test_matches_reference(self, case, seed):
        tree, ref, labels, _ = case
        rng = np.random.default_rng(seed)
        logits = rng.normal(scale=2, size=(*labels.shape, tree.num_nodes)).astype("float32")
        scores = 1 / (1 + np.exp(-logits.astype(np.float64)))
        thresholds = (0.3, 0.5, 0.8)
        metric = ConfidenceCurve(tree, thresholds, "nodes", ignore_class=-1)
        updated(metric, labels, logits)
        curve = metric.curve()
        for i, threshold in enumerate(thresholds):
            answered, right, depths = [], [], []
            for label, score in zip(labels.flat, scores.reshape(-1, tree.num_nodes)):
                if label < 0:
                    continue
                least = [min(score[u] for u in ref.ancestors(v)) for v in range(ref.num_nodes)]
                bottom = [ref.num_levels if ref.is_leaf(v) else ref.depth(v) for v in range(ref.num_nodes)]
                reached = [v for v in range(ref.num_nodes) if least[v] >= threshold]
                answered.append(bool(reached))
                if reached:
                    answer = max(reached, key=lambda v: (bottom[v], least[v]))
                    right.append(answer in ref.ancestors(label) or label in ref.ancestors(answer))
                    depths.append(bottom[answer])
            for name, values in (("answered", answered), ("accuracy", right), ("depth", depths)):
                expected = np.mean(values) if values else np.nan
                np.testing.assert_allclose(curve[name][i], expected, rtol=1e-5, err_msg=name)

    def test_threshold_for_an_accuracy(self):
        metric = ConfidenceCurve(ClassTree(["a", "b"]), thresholds=(0.2, 0.6, 0.9), scores="leaves")
        logits = np.log([[[[0.95, 0.05], [0.7, 0.3], [0.7, 0.3]]]])
        metric.update_state(np.array([[[0, 0, 1]]]), logits)
        np.testing.assert_allclose(metric.curve()["accuracy"], [2 / 3, 2 / 3, 1])
        assert metric.threshold_for(0.9) == 0.9 and metric.threshold_for(0.5) == 0.2

    @pytest.mark.parametrize("thresholds", [(), (0.5, 0.2), (-0.1, 0.5), (0.5, 1.2)])
    def test_invalid_thresholds_raise(self, thresholds):
        with pytest.raises(ValueError, match="ascending numbers"):
            ConfidenceCurve(TREE, thresholds)
