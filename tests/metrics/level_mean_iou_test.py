import keras
import numpy as np
import pytest

from hierseg_keras.metrics import LevelMeanIoU, pixel_counter
from hierseg_keras.tree import ClassTree

TEXT = "human\n\tperson\n\trider\nsky"
IS_TENSORFLOW = keras.backend.backend() == "tensorflow"


def results(metric):
    return {name: float(value) for name, value in metric.result().items()}


class LevelMeanIoUTest:
    def make(self, **options):
        return LevelMeanIoU(ClassTree.from_text(TEXT), **options)

    def test_hand_computed_value(self):
        # Level 1: person TP 1 FP 1 FN 1, rider TP 1 FP 1 FN 0, sky FN 1: (1/3 + 1/2 + 0) / 3 = 5/18.
        # Level 2: human TP 3 FP 1 FN 0, sky FN 1: (3/4 + 0) / 2 = 3/8.
        metric = self.make()
        metric.update_state(np.array([[[0, 0, 1, 2]]]), np.eye(3)[[[[0, 1, 1, 0]]]])
        assert results(metric) == pytest.approx({"miou_1": 5 / 18, "miou_2": 3 / 8, "miou_mean": (5 / 18 + 3 / 8) / 2})
        assert metric.per_class(1)["human/person"] == {"iou": pytest.approx(1 / 3), "support": 2}
        assert metric.per_class(2) == {"sky": {"iou": 0.0, "support": 1}, "human": {"iou": 0.75, "support": 3}}

    def test_label_too_coarse_for_a_level_leaves_the_pixel_out(self):
        # The pixel labeled human counts at level 2 alone: there human TP 2; at level 1 person TP 1.
        metric = self.make()
        metric.update_state(np.array([[[0, 3]]]), np.eye(3)[[[[0, 1]]]])
        assert results(metric) == pytest.approx({"miou_1": 1.0, "miou_2": 1.0, "miou_mean": 1.0})
        assert metric.per_class(1)["human/person"]["support"] == 1
        assert np.isnan(metric.per_class(1)["human/rider"]["iou"])

    def test_batches_equal_one_pass(self, rng=np.random.default_rng(0)):
        labels, logits = rng.integers(0, 3, (6, 4, 5)), rng.normal(size=(6, 4, 5, 3))
        whole, parts = self.make(), self.make()
        whole.update_state(labels, logits)
        for i in range(0, 6, 2):
            parts.update_state(labels[i : i + 2, ..., None], logits[i : i + 2])
        assert results(whole) == results(parts)

    @pytest.mark.parametrize("label, logit", [(4, 0.0), (-1, 0.0), (0, np.nan), (0, np.inf)])
    def test_invalid_pixels_are_flagged_not_hidden(self, label, logit):
        metric = self.make()
        metric.update_state(np.array([[[0, label]]]), np.array([[[[1.0, 0, 0], [logit, 0, 0]]]]))
        assert all(np.isnan(value) for value in results(metric).values())
        assert all(np.isnan(row["iou"]) for level in (1, 2) for row in metric.per_class(level).values())

    def test_counts_stay_exact_beyond_32_bits(self):
        metric = self.make()
        metric.update_state(np.array([[[0, 2]]]), np.eye(3)[[[[0, 0]]]])
        # As if it had been seen 2^32 times and once more.
        metric.confusion._counter._high.assign(np.array(metric.confusion._counter._low) * 256)
        total = 2**32 + 1
        assert pixel_counter._BASE * 256 == 2**32
        assert metric.per_class(1)["human/person"] == {"iou": 0.5, "support": total}
        assert results(metric)["miou_1"] == pytest.approx(0.25)

    def test_low_half_carries_into_the_high_half(self):
        metric = self.make()
        metric.confusion._counter._low.assign(np.full((4, 3), pixel_counter._BASE - 1))
        metric.update_state(np.array([[[0]]]), np.eye(3)[[[[0]]]])
        high, low = np.array(metric.confusion._counter._high), np.array(metric.confusion._counter._low)
        assert (high[0, 0], low[0, 0]) == (1, 0)
        assert high.sum() == 1

    def test_flat_tree_takes_scores_of_either_kind(self):
        tree = ClassTree.from_paths(["a", "b"])
        for scores in (None, "nodes", "leaves"):
            metric = LevelMeanIoU(tree, scores=scores)
            metric.update_state(np.array([[[1]]]), np.array([[[[0.0, 1.0]]]]))
            assert results(metric) == {"miou_1": 1.0, "miou_mean": 1.0}

    def test_invalid_arguments_raise(self):
        with pytest.raises(ValueError, match="outside"):
            self.make(ignore_class=3)
        with pytest.raises(ValueError, match="one channel per node"):
            self.make().update_state(np.zeros((1, 1, 1)), np.zeros((1, 1, 1, 7)))
        with pytest.raises(TypeError, match="ClassTree"):
            LevelMeanIoU(3)

    @pytest.mark.skipif(not IS_TENSORFLOW, reason="tf.distribute")
    def test_same_on_one_and_two_replicas(self, two_replicas):
        rng = np.random.default_rng(0)
        labels, logits = rng.integers(0, 4, (4, 3, 3)), rng.normal(size=(4, 3, 3, 3)).astype("float32")
        alone = self.make()
        alone.update_state(labels, logits)
        with two_replicas.scope():
            model = keras.Sequential([keras.layers.Input((3, 3, 3)), keras.layers.Identity()])
            model.compile(metrics=[self.make()], loss=lambda y, x: keras.ops.mean(x, axis=-1))
        logs = model.evaluate(logits, labels, batch_size=4, verbose=0, return_dict=True)
        assert {name: logs[name] for name in results(alone)} == pytest.approx(results(alone))

    @pytest.mark.skipif(not IS_TENSORFLOW, reason="saving is the same on both")
    def test_two_in_one_compile_do_not_collide_and_reload(self, tmp_path):
        tree = ClassTree.from_text(TEXT)
        model = keras.Sequential([keras.layers.Input((4, 4, 3)), keras.layers.Conv2D(3, 1)])
        metrics = [LevelMeanIoU(tree), LevelMeanIoU(tree, ignore_class=254, name="other")]
        model.compile("sgd", loss="mse", metrics=metrics)
        logs = model.fit(np.ones((2, 4, 4, 3)), np.zeros((2, 4, 4, 1)), verbose=0).history
        names = {f"{name}_{level}" for name in ("miou", "other") for level in (1, 2, "mean")}
        assert names < set(logs)
        model.save(tmp_path / "model.keras")
        revived = keras.models.load_model(tmp_path / "model.keras")
        logs = revived.evaluate(np.ones((2, 4, 4, 3)), np.zeros((2, 4, 4, 1)), verbose=0, return_dict=True)
        assert names < set(logs)
