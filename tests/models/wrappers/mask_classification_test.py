"""MaskFormer with its own objective."""

import functools

import keras
import numpy as np
import pytest

from hierseg_keras.losses import HierarchicalCrossentropy
from hierseg_keras.losses.mask_classification import mask_classification
from hierseg_keras.metrics import LevelMeanIoU
from hierseg_keras.models import HSSN, MaskClassification, MaskClassifier, MaskFormer, UNet
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.models.heads.mask_head import MaskProbabilities
from hierseg_keras.tree import ClassTree

TREE = ClassTree(["human/person", "human/rider", "vehicle/car", "sky"])
SMALL = {"backbone": "swin_nano", "filters": 16, "num_queries": 6, "num_layers": 2, "num_heads": 2, "dropout": 0.0}
only_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own")


def some_images(count=2, size=(32, 32)):
    """A dark half above a bright one."""
    found = np.random.default_rng(0).uniform(0, 100, (count, *size, 3)).astype("float32")
    found[:, size[0] // 2 :] += 150
    return found


def some_labels(count=2, size=(32, 32)):
    """Halves of two classes."""
    found = np.zeros((count, *size), "int32")
    found[:, size[0] // 2 :] = 3
    return found


def wrapped(**options):
    return MaskClassification(MaskFormer(TREE, scores="leaves", **SMALL), **options)


def without_drop_path(model):
    """Random depth would make the losses of a step random."""
    for layer in model.training_model._flatten_layers():
        for name in ("rate", "drop_rate"):
            if isinstance(getattr(layer, name, None), float):
                setattr(layer, name, 0.0)
    return model


class MaskProbabilitiesTest:
    def test_matches_numpy_reference(self):
        rng = np.random.default_rng(0)
        classes, masks = rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 4, 6, 3))
        p = np.exp(classes) / np.exp(classes).sum(-1, keepdims=True)
        scores = np.einsum("bqk,bhwq->bhwk", p[..., :4], 1 / (1 + np.exp(-masks)))
        found = MaskProbabilities()([classes.astype("float32"), masks.astype("float32")])
        np.testing.assert_allclose(keras.ops.convert_to_numpy(found), scores / scores.sum(-1, keepdims=True), rtol=1e-4)


class MaskClassificationTest:
    @pytest.mark.large
    @only_tensorflow
    def test_learns_two_classes(self, tmp_path):
        """By `fit`; the saved and loaded model goes on from there, and so does the network alone.

        The queries attend to a map at stride 32. If it had one pixel, they would all be equal.
        """
        images, labels = (functools.partial(make, size=(64, 96)) for make in (some_images, some_labels))
        model = wrapped()
        metric = LevelMeanIoU(TREE, scores="leaves", from_logits=False)
        model.compile(keras.optimizers.Adam(1e-3), metrics=[metric])
        history = model.fit(images(), labels(), epochs=20, verbose=0).history
        assert history["loss"][-1] < 0.5 * history["loss"][0] and history["miou_1"][-1] > 0.9
        assert {"classification", "focal", "dice"} <= history.keys()
        # Evaluation has the crossentropy of the probabilities alone.
        values = model.evaluate(images(), labels(), return_dict=True, verbose=0)
        assert "focal" not in values and values["miou_1"] > 0.9
        probabilities = model.predict(images(), verbose=0)
        picked = np.take_along_axis(probabilities, labels()[..., None], axis=-1)
        assert values["loss"] == pytest.approx(-np.log(picked).mean(), rel=1e-3)
        model.save(tmp_path / "model.keras")
        revived = keras.models.load_model(tmp_path / "model.keras")
        before, after = model.get_config(), revived.get_config()
        assert after.pop("segmenter")["config"] == before.pop("segmenter")["config"] and after == before
        np.testing.assert_allclose(revived.predict(images(), verbose=0), probabilities, atol=1e-6)
        assert int(revived.optimizer.iterations) == 20
        assert revived.fit(images(), labels(), verbose=0).history["loss"][0] < history["loss"][1]
        model.inference_model.save(tmp_path / "network.keras")
        alone = keras.models.load_model(tmp_path / "network.keras")
        np.testing.assert_allclose(alone.predict(images(), verbose=0), probabilities, atol=1e-6)
        assert isinstance(alone, MaskClassifier)

    def test_answers_are_probabilities_of_leaves_at_any_size(self):
        model = wrapped(name="mine")
        meaning = scores_of(model, "test")
        assert (meaning.kind, meaning.from_logits, model.name) == ("leaves", False, "mine")
        probabilities = keras.ops.convert_to_numpy(model.inference_model(some_images(1, (33, 50))))
        assert probabilities.shape == (1, 33, 50, 4) and probabilities.dtype == "float32"
        np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-4)
        shapes = {name: x.shape for name, x in model.training_model(keras.KerasTensor((2, 32, 48, 3))).items()}
        assert shapes.pop("logits") == (2, 32, 48, 4)
        assert shapes == {f"classes_{i}": (2, 6, 5) for i in (0, 1)} | {f"masks_{i}": (2, 8, 12, 6) for i in (0, 1)}

    def test_logits_of_the_network_are_left_out(self):
        model = wrapped()
        names = {variable.path.split("/")[-2] for variable in model.variables if "/" in variable.path}
        assert "classes" in names and not names & {"scores", "logits"}
        network = MaskFormer(TREE, scores="leaves", auxiliary_weight=0, **SMALL)
        assert sorted(MaskClassifier(network).answers) == ["classes_0", "masks_0"]

    @only_tensorflow
    def test_every_layer_of_the_decoder_has_the_loss(self):
        model = without_drop_path(wrapped())
        model.compile("sgd")
        answers = model(some_images(), training=True)
        total = float(model.compute_loss(y=some_labels(), y_pred=answers))
        last = {key: value for key, value in answers.items() if not key.endswith("_0")}
        last = {key.replace("_1", "_0"): value for key, value in last.items()}
        first = {key: value for key, value in answers.items() if not key.endswith("_1")}
        parts = [float(model.compute_loss(y=some_labels(), y_pred=part)) for part in (first, last)]
        assert total == pytest.approx(sum(parts), rel=1e-5) and min(parts) > 0

    @only_tensorflow
    def test_weights_of_losses_and_of_layers_are_the_given_ones(self):
        network = MaskFormer(TREE, scores="leaves", auxiliary_weight=0.5, **SMALL)
        model = MaskClassification(network, no_object_weight=0.3, focal_weight=2, dice_weight=7)
        model.compile("sgd")
        # The queries of an untrained network are so alike that any weights match them alike.
        rng = np.random.default_rng(0)
        layers = [(rng.normal(size=(2, 6, 5)), rng.normal(0, 3, (2, 8, 8, 6))) for _ in range(2)]
        layers = [tuple(x.astype("float32") for x in layer) for layer in layers]
        answers = {"logits": np.zeros((2, 32, 32, 4), "float32")}
        answers |= {f"{key}_{i}": x for i, layer in enumerate(layers) for key, x in zip(("classes", "masks"), layer)}
        first, last = (
            losses["classification"] + 2 * losses["focal"] + 7 * losses["dice"]
            for losses in mask_classification(TREE, some_labels(), layers, answers["logits"], 0.3, 2, 7)
        )
        total = model.compute_loss(y=some_labels(), y_pred=answers)
        assert float(total) == pytest.approx(float(last + 0.5 * first), rel=1e-5)

    @only_tensorflow
    def test_another_label_may_be_the_ignored_one(self):
        network = MaskFormer(TREE, scores="leaves", **SMALL)
        answers = MaskClassification(network)(some_images(), training=True)
        seen = []
        for ignored in (255, -1):
            model, y = MaskClassification(network, ignore_class=ignored), some_labels()
            model.compile("sgd")
            y[:, :9] = ignored
            seen.append([float(model.compute_loss(y=y, y_pred=y_pred)) for y_pred in (answers, answers["logits"])])
        assert np.isfinite(seen[0]).all() and seen[0] == seen[1]

    @only_tensorflow
    def test_losses_of_layers_are_added(self):
        model = without_drop_path(wrapped())
        model.compile("sgd")
        answers = model(some_images(), training=True)
        plain = float(model.compute_loss(y=some_labels(), y_pred=answers))
        classes = model.inference_model.get_layer("classes")
        classes.kernel.regularizer = keras.regularizers.L2(0.1)
        expected = plain + 0.1 * float(keras.ops.sum(classes.kernel**2))
        assert float(model.compute_loss(y=some_labels(), y_pred=answers)) == pytest.approx(expected, rel=1e-5)

    @pytest.mark.large
    @only_tensorflow
    def test_one_and_two_replicas(self, two_replicas):
        """Two equal images: losses, and weights after two steps, are those of one device."""
        x, y = np.repeat(some_images(1), 2, axis=0), np.repeat(some_labels(1), 2, axis=0)
        seen, start = [], None
        for scope in (keras.name_scope("one"), two_replicas.scope()):
            with scope:
                model = without_drop_path(wrapped())
                start = start or model.get_weights()
                model.set_weights(start)
                model.compile(keras.optimizers.SGD(0.1))
            history = model.fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0).history
            seen.append((history, model.get_weights()))
        (one, weights), (two, others) = seen
        for name, values in one.items():
            assert two[name] == pytest.approx(values, rel=1e-3), name
        assert max(np.abs(weight - first).max() for weight, first in zip(weights, start)) > 1e-3
        for weight, other in zip(weights, others, strict=True):
            np.testing.assert_allclose(weight, other, rtol=1e-3, atol=2e-4)

    @pytest.mark.large
    @only_tensorflow
    def test_exports_maps_per_level(self, tmp_path):
        import tensorflow as tf

        from hierseg_keras import export

        model = wrapped()
        export.saved_model(model, tmp_path / "1")
        served = tf.saved_model.load(str(tmp_path / "1"))
        answers = served.signatures["serving_default"](image=tf.constant(some_images().astype("uint8")))
        leaves = model.predict(some_images().astype("uint8"), verbose=0).argmax(-1)
        maps = {name: value.numpy() for name, value in answers.items() if name.startswith("level_")}
        np.testing.assert_array_equal(maps["level_1"], leaves)
        assert maps.keys() == {"level_1", "level_2"}

    @only_tensorflow
    def test_xla_is_refused_and_not_chosen(self):
        model = wrapped()
        with pytest.raises(ValueError, match='`jit_compile` to be False or "auto".*Received: jit_compile=True'):
            model.compile("sgd", jit_compile=True)
        model.compile("sgd")
        assert model.jit_compile is False

    @only_tensorflow
    def test_another_loss_is_that_of_evaluation(self):
        model, probabilities = wrapped(), np.full((2, 32, 32, 4), 0.25, "float32")
        # Each leaf has 1/4, and its category 1/2, 1/4 and 1/4.
        for loss, expected in (
            (None, np.log(4)),
            (HierarchicalCrossentropy(TREE, from_logits=False), np.log(4) + np.log(2)),
        ):
            model.compile("sgd", loss=loss)
            value = float(model.compute_loss(y=np.zeros((2, 32, 32), "int32"), y_pred=probabilities))
            assert value == pytest.approx(expected, rel=1e-4)
        # By default over the pixels that are labeled with a leaf.
        model.compile("sgd")
        label = np.full((2, 32, 32), TREE.index("human"), "int32")
        label[0, 0, 0] = 1
        assert float(model.compute_loss(y=label, y_pred=probabilities)) == pytest.approx(np.log(4), rel=1e-4)

    @only_tensorflow
    def test_sample_weights_are_refused(self):
        model = wrapped()
        model.compile("sgd", run_eagerly=True)
        with pytest.raises(ValueError, match="expects no `sample_weight`"):
            model.fit(some_images(), some_labels(), sample_weight=np.ones(2), verbose=0)

    @pytest.mark.parametrize(
        "make", [lambda: UNet(TREE, filters=2, num_stages=1), lambda: HSSN(UNet(TREE, filters=2, num_stages=1))]
    )
    def test_other_networks_raise(self, make):
        with pytest.raises(TypeError, match="`MaskClassification` expects a"):
            MaskClassification(make())
        with pytest.raises(TypeError, match="`MaskClassifier` expects a"):
            MaskClassifier(make())

    @pytest.mark.parametrize(
        "options", [{"no_object_weight": -1}, {"no_object_weight": "a"}, {"focal_weight": -1}, {"dice_weight": -0.5}]
    )
    def test_negative_weights_raise(self, options):
        (name,) = options
        with pytest.raises(ValueError, match=f"`{name}` >= 0"):
            wrapped(**options)
