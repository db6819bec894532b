"""What every metric along a tree meets: its definition on scores of every kind, labels, weights, names."""

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin
from hierseg_keras.losses.objectives import flat_crossentropy, named_losses
from hierseg_keras.metrics import (
    ConfidenceCurve,
    DepthLoss,
    HierarchicalFScore,
    InstanceMeanIoU,
    LevelAccuracy,
    LevelMeanIoU,
    MistakeSeverity,
    PathCoherence,
    TreeReport,
)
from hierseg_keras.tree import ClassTree
from tests import reference
from tests.gradients import compiled
from tests.random_trees import class_trees
from tests.wrong_shapes import SHAPE, check_labels_that_are_none, check_wrong_shapes, check_wrong_sizes_in_a_graph

TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\t\tsedan\n\t\tvan\n\tbus\nsky")
IS_TENSORFLOW = keras.backend.backend() == "tensorflow"
only_tensorflow = pytest.mark.skipif(not IS_TENSORFLOW, reason="the mechanism is Keras's, and the same on both")
THRESHOLDS = (0.3, 0.62)
OF_TREES = (
    ConfidenceCurve,
    HierarchicalFScore,
    LevelAccuracy,
    LevelMeanIoU,
    MistakeSeverity,
    PathCoherence,
    TreeReport,
)
OF_LOSSES = [make for make in named_losses().values() if make is not flat_crossentropy]
# Each metric by its name: a function from a tree and options to the metric.
MAKE = {metric.__name__: metric for metric in OF_TREES}
MAKE["ConfidenceCurve"] = lambda tree, **options: ConfidenceCurve(tree, THRESHOLDS, **options)
MAKE["InstanceMeanIoU"] = lambda tree, **options: InstanceMeanIoU(tree, {tree.paths[0]: 2.5}, **options)
MAKE["DepthLoss"] = lambda tree, **options: DepthLoss(FocalTreeMin(tree, **options))


def results(metric):
    value = metric.result()
    value = value if isinstance(value, dict) else {metric.name: value}
    return {name: float(value) for name, value in value.items()}


def update(name, metric, labels, y_pred, weight=None):
    """`update_state` of any of them: of the metric that takes no weights, with every pixel an instance."""
    if name == "InstanceMeanIoU":
        return metric.update_state(labels, y_pred, np.ones(np.shape(y_pred)[:3], "int32"))
    return metric.update_state(labels, y_pred, weight)


def numbered(name, levels):
    return {**{f"{name}_{i + 1}": value for i, value in enumerate(levels)}, f"{name}_mean": np.mean(levels)}


def expected_values(metric, ref, labels, logits, scores, ignore_class):
    """A metric's values on logits, in float64."""
    leaves = reference.best_leaves(ref, logits, scores)
    pixels = logits.reshape(-1, logits.shape[-1]).astype(np.float64)
    nodes = np.stack([reference.node_probabilities(ref, pixel, scores) for pixel in pixels])
    of_paths, of_nodes = (ref, labels, leaves, ignore_class), (ref, labels, nodes, ignore_class)
    if metric is ConfidenceCurve:
        return {f"confidence_curve_{t:.2f}": reference.confidence_curve(*of_nodes, t)[1] for t in THRESHOLDS}
    if metric is PathCoherence:
        return dict(zip(("path_coherence_ordered", "path_coherence_single_path"), reference.path_coherence(*of_nodes)))
    parts = {
        LevelMeanIoU: numbered("miou", reference.mean_ious(*of_paths)),
        LevelAccuracy: numbered("accuracy", reference.accuracies(*of_paths)),
        MistakeSeverity: {"mistake_severity": reference.mistake_severity(*of_paths)},
        HierarchicalFScore: dict(
            zip(
                ("hierarchical_precision", "hierarchical_recall", "hierarchical_f"),
                reference.hierarchical_scores(*of_paths),
            )
        ),
    }
    return parts[metric] if metric in parts else {key: value for part in parts.values() for key, value in part.items()}


@st.composite
def cases(draw, scores):
    """A tree with its reference, labels at any node, some ignored, and logits."""
    tree, ref = draw(class_trees(min_leaves=2))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    labels = rng.integers(0, tree.num_nodes, (2, 3, 4))
    labels[rng.random(labels.shape) < 0.2] = -1
    channels = tree.num_nodes if scores == "nodes" else tree.num_leaves
    return tree, ref, labels, rng.normal(0, 2, (2, 3, 4, channels)).astype("float32")


class ScoresOfEveryMetricTest:
    @pytest.mark.parametrize("scores", ["nodes", "leaves"])
    @pytest.mark.parametrize("metric", OF_TREES)
    @hypothesis.given(data=st.data())
    @hypothesis.settings(max_examples=5 if IS_TENSORFLOW else 1)
    def test_logits_and_probabilities_match_numpy_reference(self, metric, scores, data):
        """In two batches, which must count as one."""
        tree, ref, labels, logits = data.draw(cases(scores))
        probabilities = reference.probabilities_of(logits, scores).astype("float32")
        expected = expected_values(metric, ref, labels, logits, scores, -1)
        if metric is ConfidenceCurve:
            # Where nothing is answered, the log says 0.
            expected = {name: 0.0 if np.isnan(value) else value for name, value in expected.items()}
        options = {"thresholds": THRESHOLDS} if metric is ConfidenceCurve else {}
        for from_logits, y_pred in ((None, logits), (True, logits), (False, probabilities)):
            made = metric(tree, scores=scores, from_logits=from_logits, ignore_class=-1, **options)
            for image in range(2):
                made.update_state(labels[image : image + 1], y_pred[image : image + 1])
            assert results(made) == pytest.approx(expected, rel=1e-5, abs=1e-6)

    @pytest.mark.parametrize("loss", OF_LOSSES)
    def test_depth_loss_of_logits_and_probabilities(self, loss):
        rng, labels = np.random.default_rng(0), np.array([[[0, 3, 8], [255, 6, 2]]])
        of_logits = loss(TREE)
        channels = TREE.num_nodes if of_logits.scores == "nodes" else TREE.num_leaves
        logits = rng.normal(size=(1, 2, 3, channels)).astype("float32")
        found = []
        for made, y_pred in (
            (of_logits, logits),
            (loss(TREE, from_logits=False), reference.probabilities_of(logits, of_logits.scores).astype("float32")),
        ):
            metric = DepthLoss(made)
            metric.update_state(labels, y_pred)
            found.append(results(metric))
        assert found[1] == pytest.approx(found[0], rel=1e-5)
        assert sum(found[0].values()) == pytest.approx(float(of_logits(labels, logits)), rel=1e-5)

    @pytest.mark.parametrize("name", [name for name in MAKE if name != "DepthLoss"])
    def test_node_probabilities_are_refused_where_logits_are_expected(self, name):
        labels, probabilities = np.zeros((1, 2, 2), int), np.full((1, 2, 2, TREE.num_nodes), 0.25, "float32")
        with pytest.raises(ValueError, match="`y_pred` expects logits. Received: probabilities"):
            update(name, MAKE[name](TREE), labels, probabilities)
        for from_logits in (True, False):
            update(name, MAKE[name](TREE, from_logits=from_logits), labels, probabilities)

    @pytest.mark.parametrize("metric", [ConfidenceCurve, PathCoherence])
    def test_leaf_probabilities_are_refused_where_more_than_their_order_counts(self, metric):
        labels, probabilities = np.zeros((1, 2, 2), int), np.full((1, 2, 2, 6), 1 / 6, "float32")
        with pytest.raises(ValueError, match="sum to 1 in each pixel"):
            metric(TREE).update_state(labels, probabilities)
        metric(TREE, from_logits=False).update_state(labels, probabilities)

    @only_tensorflow
    def test_network_that_ends_in_a_sigmoid_is_seen_in_fit(self):
        model = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Conv2D(TREE.num_nodes, 1, activation="sigmoid")])
        model.compile("sgd", loss=FocalTreeMin(TREE, from_logits=False), metrics=[PathCoherence(TREE)])
        images, labels = np.ones((1, 2, 2, 3), "float32"), np.zeros((1, 2, 2), int)
        with pytest.raises(ValueError, match="they are the output of a sigmoid. Pass from_logits=False"):
            model.fit(images, labels, verbose=0)
        metrics = [PathCoherence(TREE, from_logits=False)]
        model.compile("sgd", loss=FocalTreeMin(TREE, from_logits=False), metrics=metrics)
        assert np.isfinite(model.fit(images, labels, verbose=0).history["loss"]).all()

    @pytest.mark.parametrize("argument", [{"scores": "node"}, {"from_logits": "no"}])
    def test_unknown_meanings_raise_at_once(self, argument):
        ((name, value),) = argument.items()
        with pytest.raises(ValueError, match=f"`{name}` expects .* Received: {name}='{value}'"):
            LevelMeanIoU(TREE, **argument)


class LabelsOfEveryMetricTest:
    @pytest.mark.parametrize("name", MAKE)
    def test_labels_and_weights_of_wrong_shapes_raise(self, name):
        y_pred = np.random.default_rng(0).normal(size=(*SHAPE, TREE.num_nodes)).astype("float32")
        metric = MAKE[name](TREE)
        check_wrong_shapes(
            lambda *batch: update(name, metric, *batch),
            "FocalTreeMin" if name == "DepthLoss" else name,
            TREE,
            y_pred,
            weight_owner=name,
            has_weights=name != "InstanceMeanIoU",
        )

    def test_a_class_map_is_no_prediction(self):
        classes = np.zeros((2, 8, TREE.num_nodes), int)
        with pytest.raises(ValueError, match="Pass scores instead of classes; those of a class map are its one-hot"):
            LevelMeanIoU(TREE).update_state(classes, classes)

    @pytest.mark.parametrize("name", MAKE)
    def test_what_is_no_label_never_becomes_one(self, name):
        tree = ClassTree(["a/b", "a/c", "d"])
        y_pred = np.random.default_rng(0).normal(size=(1, 1, 2, tree.num_nodes)).astype("float32")
        metric = MAKE[name](tree)
        in_graph = compiled(lambda labels: update(name, metric, labels, y_pred))

        def value(step, labels):
            metric.reset_state()
            step(labels)
            return sum(results(metric).values())

        check_labels_that_are_none(
            lambda labels: value(lambda y: update(name, metric, y, y_pred), labels),
            # JAX keeps a metric's state outside of graphs.
            (lambda labels: value(in_graph, labels)) if IS_TENSORFLOW else None,
            "FocalTreeMin" if name == "DepthLoss" else name,
        )

    @only_tensorflow
    @pytest.mark.parametrize("name", MAKE)
    def test_wrong_sizes_unknown_until_run_are_not_broadcast(self, name):
        y_pred = np.random.default_rng(0).normal(size=(*SHAPE, TREE.num_nodes)).astype("float32")
        metric = MAKE[name](TREE)

        def call(labels, y_pred, weight):
            metric.reset_state()
            # In the place of weights, one metric takes instances.
            metric.update_state(labels, y_pred, weight)
            value = metric.result()
            return keras.ops.sum(list(value.values()) if isinstance(value, dict) else value)

        # Weights have no part in `DepthLoss`.
        check_wrong_sizes_in_a_graph(call, y_pred, has_weights=name != "DepthLoss")

    @pytest.mark.parametrize("name", [name for name in MAKE if name not in ("DepthLoss", "InstanceMeanIoU")])
    def test_ignored_and_weightless_pixels_are_not_counted(self, name):
        rng, make = np.random.default_rng(0), MAKE[name]
        labels, logits = rng.integers(0, TREE.num_nodes, (2, 4, 4)), rng.normal(size=(2, 4, 4, TREE.num_nodes))
        logits[1] = np.nan
        alone = make(TREE)
        alone.update_state(labels[:1], logits[:1])
        ignored = make(TREE)
        ignored.update_state(np.where(np.arange(2)[:, None, None] == 1, 255, labels), logits)
        assert results(ignored) == results(alone)
        for weight in (np.array([1.0, 0.0]), np.broadcast_to([[[0.5]], [[0.0]]], labels.shape)):
            weighted = make(TREE)
            weighted.update_state(labels, logits, weight)
            assert results(weighted) == results(alone)

    @pytest.mark.parametrize("name", MAKE)
    def test_nothing_labeled_is_zero(self, name):
        metric = MAKE[name](TREE)
        update(name, metric, np.full((1, 2, 2), 255), np.zeros((1, 2, 2, TREE.num_nodes)))
        assert set(results(metric).values()) == {0}

    @pytest.mark.parametrize("name", MAKE)
    def test_prediction_that_is_not_finite_makes_values_nan(self, name):
        logits, metric = np.zeros((1, 2, 2, TREE.num_nodes)), MAKE[name](TREE)
        logits[0, 0, 0, :] = np.nan
        update(name, metric, np.zeros((1, 2, 2), int), logits)
        assert np.isnan(list(results(metric).values())).all()

    @pytest.mark.parametrize("name", MAKE)
    def test_sums_of_half_precision_do_not_overflow(self, name):
        logits, metric = np.full((1, 2, 2, TREE.num_nodes), 4e4, "float16"), MAKE[name](TREE)
        update(name, metric, np.zeros((1, 2, 2), int), logits)
        assert np.isfinite(list(results(metric).values())).all()

    @pytest.mark.parametrize("name", MAKE)
    def test_smallest_floats_mask_classes(self, name):
        logits, metric = np.full((1, 2, 2, TREE.num_nodes), np.finfo("float32").min, "float32"), MAKE[name](TREE)
        logits[..., 0] = 1
        update(name, metric, np.zeros((1, 2, 2), int), logits)
        assert not np.isnan(list(results(metric).values())).any()

    @pytest.mark.parametrize("metric", OF_TREES)
    @pytest.mark.parametrize("dtype", ["float16", "bfloat16", "mixed_float16"])
    def test_half_precision_is_refused(self, metric, dtype):
        with pytest.raises(ValueError, match=f"`{metric.__name__}` expects dtype float32 or float64"):
            metric(TREE, dtype=dtype)

    @pytest.mark.parametrize("name", MAKE)
    def test_state_is_reset_and_configuration_kept(self, name):
        made = MAKE[name](TREE, ignore_class=-1)
        labels, logits = np.zeros((1, 2, 2), int), np.ones((1, 2, 2, TREE.num_nodes))
        before = results(made)
        update(name, made, labels, logits)
        update(name, made, labels, logits * np.nan)
        made.reset_state()
        assert results(made) == before
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
        assert again.get_config() == made.get_config() and again.name == made.name
        assert keras.saving.get_registered_name(type(made)) == f"hierseg_keras>{type(made).__name__}"
        update(name, made, labels, logits)
        update(name, again, labels, logits)
        assert results(again) == results(made)

    @pytest.mark.parametrize("metric", OF_TREES)
    def test_configuration_has_every_argument(self, metric):
        made = metric(TREE, scores="leaves", from_logits=False, ignore_class=-2, name="renamed")
        config = made.get_config()
        assert (config["scores"], config["from_logits"], config["ignore_class"]) == ("leaves", False, -2)
        assert metric.from_config(config).get_config() == config and metric.from_config(config).name == "renamed"
        with pytest.raises(ValueError, match="`ignore_class` outside"):
            metric(TREE, ignore_class=3)


@only_tensorflow
class NamesOfMetricsTest:
    def network(self, *outputs):
        image = keras.Input((2, 2, 3))
        outputs = {name: keras.layers.Conv2D(TREE.num_nodes, 1, name=name)(image) for name in outputs}
        return keras.Model(image, outputs if len(outputs) > 1 else list(outputs.values())[0])

    def fitted(self, model, metrics, labels=np.zeros((1, 2, 2), int), run_eagerly=True, **options):
        model.compile("sgd", loss=FocalTreeMin(TREE), metrics=metrics, run_eagerly=run_eagerly, **options)
        images, names = np.ones((1, 2, 2, 3), "float32"), model.output_names
        labels = dict.fromkeys(names, labels) if len(names) > 1 else labels
        logs = {name: values[-1] for name, values in model.fit(images, labels, verbose=0).history.items()}
        assert set(model.evaluate(images, labels, verbose=0, return_dict=True)) == set(logs)
        return logs

    @pytest.mark.parametrize("run_eagerly", [False, True])
    def test_two_of_one_name_on_two_outputs_raise(self, run_eagerly):
        metrics = {"one": [LevelMeanIoU(TREE)], "two": [LevelMeanIoU(TREE)]}
        with pytest.raises(ValueError) as caught:
            self.fitted(self.network("one", "two"), metrics, run_eagerly=run_eagerly)
        assert str(caught.value) == (
            "`compile` expects metrics whose values have different names. Received: 'miou_1' of "
            "LevelMeanIoU(name='miou') and of LevelMeanIoU(name='miou'). Pass another `name` to one of them."
        )

    def test_two_of_two_names_on_two_outputs_are_both_shown(self):
        metrics = {"one": [LevelMeanIoU(TREE)], "two": [LevelMeanIoU(TREE, name="miou_of_two"), MistakeSeverity(TREE)]}
        logs = self.fitted(self.network("one", "two"), metrics)
        assert {"miou_1", "miou_mean", "miou_of_two_1", "miou_of_two_mean", "two_mistake_severity"} < set(logs)

    @pytest.mark.parametrize(
        "metrics",
        [
            lambda: [LevelMeanIoU(TREE), LevelMeanIoU(ClassTree(["a/b/c", *"defghij"]))],
            lambda: [TreeReport(TREE), LevelAccuracy(TREE)],
            lambda: [TreeReport(TREE), TreeReport(TREE)],
            lambda: [TreeReport(TREE), MistakeSeverity(TREE)],
            lambda: [ConfidenceCurve(TREE), ConfidenceCurve(TREE, THRESHOLDS[:1] + (0.95,))],
            lambda: [PathCoherence(TREE), PathCoherence(TREE)],
            lambda: [DepthLoss(FocalTreeMin(TREE)), DepthLoss(FocalTreeMin(TREE))],
        ],
    )
    def test_values_of_one_name_on_one_output_raise(self, metrics):
        with pytest.raises(ValueError, match="whose values have different names.*Pass another `name`"):
            self.fitted(self.network("one"), metrics())

    def test_names_of_one_value_are_told_apart_by_keras(self):
        logs = self.fitted(self.network("one", "two"), {name: [MistakeSeverity(TREE)] for name in ("one", "two")})
        assert {"one_mistake_severity", "two_mistake_severity"} < set(logs)

    def test_weighted_metrics_are_among_them(self):
        with pytest.raises(ValueError, match="'miou_1' of LevelMeanIoU"):
            self.fitted(self.network("one"), [LevelMeanIoU(TREE)], weighted_metrics=[LevelMeanIoU(TREE)])

    def test_other_models_may_use_the_same_names(self):
        """After a `compile` that failed too, and with metrics that another model had before."""
        metric = LevelMeanIoU(TREE)
        self.fitted(self.network("one"), [metric])
        self.fitted(self.network("one"), [LevelMeanIoU(TREE)])
        with pytest.raises(ValueError, match="expects one integer label per pixel"):
            self.fitted(self.network("one"), [LevelMeanIoU(TREE), TreeReport(TREE, name="report")], np.zeros((1, 4)))
        self.fitted(self.network("one"), [LevelMeanIoU(TREE)])
        self.fitted(self.network("one"), [metric])

    def test_an_empty_name_puts_no_prefix(self):
        assert "" == TreeReport(TREE).name == LevelMeanIoU(TREE, name="").name
        assert list(LevelMeanIoU(TREE, name="").result()) == ["1", "2", "3", "mean"]
        assert "report_miou_1" in TreeReport(TREE, name="report").result()
