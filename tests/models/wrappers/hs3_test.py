"""HS3: stages supervised on clusters, found from what they take for each other, and gone from what is exported."""

import contextlib

import keras
import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin, HierarchicalCrossentropy
from hierseg_keras.metrics import LevelMeanIoU
from hierseg_keras.models import (
    HS3,
    DeepLabV3Plus,
    HRNet,
    HRNetOCR,
    HRNetOCRScaleAttention,
    HS3Fuse,
    TreeSegmenter,
    UNet,
)
from hierseg_keras.models.weights.transferred_weights import transfer_weights
from hierseg_keras.models.wrappers.stage_clusters import clusters_of, leaf_names
from hierseg_keras.tree import ClassTree
from tests.gradients import compiled
from tests.reference import ReferenceTree, best_leaves

TREE = ClassTree(["human/person", "human/rider", "vehicle/car", "sky"])
SMALL = {"width": 4, "num_modules": (1, 1, 1), "num_blocks": 1}
STAGE = "encoder_0_b_relu"
STAGES = ("stage2", "stage3")
only_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the same on both")


def numpy_of(tensor):
    return keras.ops.convert_to_numpy(tensor)


def batch(*size, count=2):
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 255, (count, *size, 3)).astype("float32")
    return image, rng.integers(0, TREE.num_nodes, (count, *size)).astype("int32")


def crossentropy(label, logits):
    """Mean over the labels from 0 on, in float64."""
    logits = np.asarray(logits, "float64")
    log_shares = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    known = label >= 0
    return -np.take_along_axis(log_shares, np.maximum(label, 0)[..., None], -1)[..., 0][known].mean()


def mean_score(y_true, y_pred):
    """A loss that Keras cannot load, because it is not registered."""
    return keras.ops.mean(y_pred)


class ClustersOfTest:
    def test_every_way_to_say_them(self):
        assert clusters_of(TREE, [7, 7, 2, 5]).tolist() == [0, 0, 1, 2]
        assert clusters_of(TREE, 1).tolist() == [0, 1, 2, 3] and clusters_of(TREE, 2).tolist() == [0, 0, 1, 2]
        written = ClassTree.from_clusters(TREE.names[:4], [0, 1, 0, 1]).to_text()
        assert clusters_of(TREE, ClassTree.from_text(written)).tolist() == [0, 1, 0, 1]

    def test_leaves_of_one_name_are_told_apart_by_their_paths(self):
        tree = ClassTree(["road/other", "road/lane", "object/other", "object/sign"])
        assert leaf_names(tree) == ("road > other", "lane", "object > other", "sign")
        found = ClassTree.from_clusters(leaf_names(tree), [0, 1, 1, 0])
        assert clusters_of(tree, ClassTree.from_text(found.to_text())).tolist() == [0, 1, 1, 0]

    @pytest.mark.parametrize(
        "clusters, message",
        [
            (3, "a level between 1 and 2. Received: level 3"),
            ([0, 1], "one integer per leaf \\(4\\). Received: int64 of shape \\(2,\\)"),
            (np.zeros(4), "Received: float64"),
            (ClassTree(["a/b", "c"]), "a tree with the leaves .*Received: a tree with the leaves \\('b', 'c'\\)"),
        ],
    )
    def test_others_raise(self, clusters, message):
        with pytest.raises(ValueError, match=message):
            clusters_of(TREE, clusters)


class HS3Test:
    def test_labels_of_clusters(self):
        model = HS3(UNet(TREE, filters=2, num_stages=1), [STAGE], [[0, 0, 1, 1]], ignore_class=-7)
        # person, rider, car, sky, human, vehicle, ignored, and no label at all.
        labels = np.array([[[0, 1, 2, 3, 4, 5, -7, 9]]])
        prediction = np.zeros((*labels.shape, 6))
        assert numpy_of(model.stage_labels(labels, prediction)[STAGE]).tolist() == [[[0, 0, 1, 1, 0, 1, -1, 2]]]
        apart = HS3(UNet(TREE, filters=2, num_stages=1), [STAGE], [[0, 1, 1, 0]])
        assert numpy_of(apart.stage_labels(labels[..., None], prediction)[STAGE]).tolist()[0][0][4:6] == [-1, 1]

    def test_a_fraction_is_no_label(self):
        """Not the class that it would be cut off to."""
        model = HS3(UNet(TREE, filters=2, num_stages=1), [STAGE], [[0, 0, 1, 1]])
        labels, prediction = np.array([[[0.5, 1.0]]], "float32"), np.zeros((1, 1, 2, 6))
        with pytest.raises(ValueError, match="`HS3` expects integer labels. Received: y_true with the value 0.5"):
            model.stage_labels(labels, prediction)
        in_a_graph = compiled(lambda x: model.stage_labels(x, prediction)[STAGE])(keras.ops.convert_to_tensor(labels))
        assert numpy_of(in_a_graph).tolist() == [[[2, 0]]]

    @only_tensorflow
    def test_loss_is_the_sum_of_the_papers(self):
        """Equation 1, each stage's crossentropy beside NumPy's."""
        clusters = [[0, 0, 1, 1], [0, 0, 1, 2]]
        model = HS3(HRNet(TREE, scores="leaves", **SMALL), STAGES, clusters, weights=(0.3, 0.5))
        loss = HierarchicalCrossentropy(TREE)
        model.compile(keras.optimizers.SGD(0.0), loss=loss, run_eagerly=True)
        image, label = batch(32, 32)
        label[:, :4] = 255
        answers = model(image, training=True)
        assert {name: x.shape for name, x in answers.items()} == {
            "logits": (2, 32, 32, 4),
            "stage2": (2, 32, 32, 2),
            "stage3": (2, 32, 32, 3),
        }
        expected = float(loss(label, answers["logits"]))
        tables = {"stage2": [0, 0, 1, 1, 0, 1], "stage3": [0, 0, 1, 2, 0, 1]}
        stages = {}
        for stage, weight in (("stage2", 0.3), ("stage3", 0.5)):
            stage_label = np.where(label == 255, -1, np.array([*tables[stage], *[-1] * 250])[label])
            stages[stage] = crossentropy(stage_label, answers[stage])
            expected += weight * stages[stage]
        history = model.fit(image, label, verbose=0).history
        assert history["loss"][0] == pytest.approx(expected, rel=1e-4)
        for stage, value in stages.items():
            assert history[stage][0] == pytest.approx(value, rel=1e-4)
        evaluated = model.evaluate(image, label, verbose=0, return_dict=True)
        assert evaluated.keys() == {"loss"}
        assert evaluated["loss"] == pytest.approx(float(loss(label, model(image))), rel=1e-4)

    @only_tensorflow
    def test_losses_averaged_by_depth(self):
        """A stage's loss is one depth's: the mean over the pixels whose label tells the stage's class."""
        model = HS3(UNet(TREE, scores="leaves", filters=2, num_stages=1), [STAGE], [[0, 1, 2, 2]], weights=0.5)
        loss = HierarchicalCrossentropy(TREE, averaging="depth")
        model.compile(keras.optimizers.SGD(0.0), loss=loss, run_eagerly=True)
        image, label = batch(8, 8)
        label[0] = 4
        answers = model(image, training=True)
        of_stage = crossentropy(np.array([0, 1, 2, 2, -1, 2])[label], answers[STAGE])
        expected = float(loss(label, answers["logits"])) + 0.5 * of_stage
        assert model.train_on_batch(image, label) == pytest.approx([expected, of_stage], rel=1e-4)

    @pytest.mark.large
    @only_tensorflow
    def test_one_and_two_replicas_have_one_gradient(self, two_replicas):
        image, label = batch(32, 32, count=4)
        label %= 4
        updates = []
        for strategy in (None, two_replicas):
            keras.utils.set_random_seed(0)
            with strategy.scope() if strategy else contextlib.nullcontext():
                network = UNet(TREE, scores="leaves", filters=2, num_stages=1)
                for layer in network.layers:
                    if isinstance(layer, keras.layers.BatchNormalization):
                        layer.synchronized = True
                model = HS3(network, [STAGE], [[0, 0, 1, 1]])
                model.training_model.get_layer(f"{STAGE}_head_bn").synchronized = True
                model.compile(keras.optimizers.SGD(0.1), loss=HierarchicalCrossentropy(TREE), jit_compile=False)
            history = model.fit(image, label, batch_size=4, shuffle=False, verbose=0).history
            updates.append(([numpy_of(weight) for weight in model.trainable_weights], history))
        (one, first), (two, second) = updates
        for ours, theirs in zip(one, two, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)
        assert first[STAGE] == pytest.approx(second[STAGE], rel=1e-4)

    @pytest.mark.large
    @only_tensorflow
    def test_trains_auxiliary_logits_too_saves_and_loads(self, tmp_path):
        network = HRNetOCR(TREE, **SMALL, filters=16, key_filters=8, dropout=0.0)
        model = HS3(network, STAGES, [2, 1], weights=0.0)
        loss = FocalTreeMin(TREE)
        model.compile(keras.optimizers.SGD(0.0), loss=loss, metrics=[LevelMeanIoU(TREE)], run_eagerly=True)
        image, label = batch(32, 32)
        answers = model(image, training=True)
        history = model.fit(image, label, verbose=0).history
        assert {"loss", "stage2", "stage3", "miou_1"} <= history.keys()
        expected = float(loss(label, answers["logits"]) + 0.4 * loss(label, answers["auxiliary_logits"]))
        assert history["loss"][0] == pytest.approx(expected, rel=1e-4)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        for name, x in model.training_model(image).items():
            np.testing.assert_allclose(numpy_of(loaded.training_model(image)[name]), x, rtol=1e-4, atol=1e-4)

    @only_tensorflow
    def test_exports_without_heads(self, tmp_path):
        import tensorflow as tf

        network = UNet(TREE, filters=2, num_stages=1)
        parameters = network.count_params()
        model = HS3(network, [STAGE], [2])
        assert model.count_params() > model.inference_model.count_params() == parameters
        model.export(tmp_path / "export", verbose=False)
        served, (image, _) = tf.saved_model.load(tmp_path / "export"), batch(9, 8)
        np.testing.assert_allclose(served.serve(image), model(image), rtol=1e-4, atol=1e-5)
        assert sum(variable.shape.num_elements() for variable in served.variables) == parameters

    @pytest.mark.parametrize(
        "options, message",
        [
            ({"stages": ("stage9",)}, "name of a layer of .*Received: 'stage9'. .*'encoder_0_b_relu'"),
            ({"stages": "embedding"}, "names of different layers"),
            ({"clusters": []}, "`clusters` to have one entry per stage of .*Received: 0"),
            ({"weights": (1, 2)}, "`weights` >= 0, one per stage"),
        ],
    )
    def test_invalid_arguments_raise(self, options, message):
        with pytest.raises(ValueError, match=message):
            HS3(UNet(TREE, filters=2, num_stages=1), **{"stages": (STAGE,), **options})

    def test_network_may_be_a_subclass_or_compiled(self):
        class PassingOn(UNet):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)

        model = PassingOn(TREE, filters=2, num_stages=1)
        model.compile("sgd", loss=mean_score)
        image, _ = batch(8, 8)
        assert HS3(model, (STAGE,), [1])(image).shape == model(image).shape

    def test_network_without_a_tree_raises(self):
        image = keras.Input((8, 8, 3))
        with pytest.raises(ValueError, match="Wrap it in `TreeSegmenter` first"):
            HS3(keras.Model(image, keras.layers.Conv2D(4, 1)(image)), ["conv2d"])


@only_tensorflow
class InnerStagesTest:
    """Stages of a backbone that is a layer of its network."""

    stages = ("backbone/conv2_block2_out", "backbone/conv3_block2_out")

    @pytest.mark.large
    @pytest.mark.parametrize("fuse", [False, True])
    def test_is_one_forward_pass_saves_and_searches(self, fuse, tmp_path):
        network = DeepLabV3Plus(TREE, backbone="resnet18_small", scores="leaves", filters=8)
        image, label = batch(33, 40)
        before, parameters = numpy_of(network(image)), network.count_params()
        model = HS3(network, self.stages, fuse=fuse)
        assert (model.inference_model.count_params() == parameters) != fuse
        np.testing.assert_allclose(numpy_of(network(image)), before)
        answers = model.training_model(image)
        np.testing.assert_allclose(answers["logits"], model(image), rtol=1e-5, atol=1e-5)
        assert answers[self.stages[0]].shape == (2, 33, 40, 4)

        # Trained by its stages alone, the network learns up to the later stage and no further.
        nothing = keras.losses.MeanSquaredError(name="none")
        nothing.call = lambda y, y_pred: 0.0 * keras.ops.sum(y_pred, axis=-1)
        model.compile(keras.optimizers.SGD(0.1), loss=nothing, run_eagerly=True)
        conv3, conv4 = (network.get_layer("backbone").get_layer(f"conv{i}_block1_1_conv").kernel for i in (3, 4))
        kernels = numpy_of(conv3), numpy_of(conv4)
        model.fit(image, label, verbose=0)
        assert np.any(numpy_of(conv3) != kernels[0])
        np.testing.assert_array_equal(numpy_of(conv4), kernels[1])

        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        for name, x in model.training_model(image).items():
            np.testing.assert_allclose(numpy_of(loaded.training_model(image)[name]), x, rtol=1e-4, atol=1e-4)
        assert model.search([(image, label)], "kmeans").keys() == {*self.stages}

    def test_unknown_layers_are_told_with_those_there_are(self):
        network = DeepLabV3Plus(TREE, backbone="resnet18_small", filters=8)
        with pytest.raises(ValueError, match="'stage2'. .*'backbone' are named as in backbone/conv5_block2_out"):
            HS3(network, ["stage2"])
        with pytest.raises(ValueError, match="a layer of 'backbone'. Received: 'stage2'"):
            HS3(network, ["backbone/stage2"])
        with pytest.raises(ValueError, match="a nested functional model before the slash of aspp/conv"):
            HS3(network, ["aspp/conv"])


@only_tensorflow
class StagesAtSeveralScalesTest:
    """Stages of a trunk that the network calls once per scale."""

    stages = ("trunk/stage2", "trunk/stage3")
    clusters = [[0, 0, 1, 1], [0, 0, 1, 2]]

    def network(self, scales=(0.5, 1), **options):
        sizes = {**SMALL, "filters": 16, "key_filters": 8, "dropout": 0.0, **options}
        return HRNetOCRScaleAttention(TREE, scales=scales, scores="leaves", **sizes)

    def test_loss_is_the_mean_over_scales(self):
        model = HS3(self.network(), self.stages, self.clusters, weights=(0.3, 0.5))
        image, label = batch(32, 32)
        label %= 4
        answers = model(image, training=True)
        calls = {stage: [f"{stage}[0]", f"{stage}[1]"] for stage in self.stages}
        scales = {"logits_1.0x", "logits_0.5x"}
        assert answers.keys() == {"logits", "auxiliary_logits", *scales, *calls[self.stages[0]], *calls[self.stages[1]]}
        losses = model.further_losses(label, answers, None)
        for stage, clusters, weight in zip(self.stages, self.clusters, (0.3, 0.5)):
            expected = [crossentropy(np.array(clusters)[label], answers[name]) for name in calls[stage]]
            assert float(losses[stage][0]) == pytest.approx(np.mean(expected), rel=1e-4)
            assert losses[stage][1] == weight
        # The heads of all scales are one, and leave nothing behind.
        assert [layer.name for layer in model.training_model.layers].count("trunk.stage2_logits") == 1
        assert model.inference_model.count_params() == self.network().count_params()

    def test_one_call_is_that_of_one_scale(self):
        network = self.network()
        model = HS3(network, ["trunk/stage2[0]", "trunk/stage2[1]"])
        image, _ = batch(32, 32)
        trunk = network.get_layer("trunk")
        stage2 = keras.Model(trunk.input, trunk.get_layer("stage2").output)
        half = keras.Model(network.input, network.get_layer("resize_0.5x").output)
        for i, x in enumerate((image, half(image))):
            maps = keras.Model(
                model.training_model.input, model.training_model.get_layer(f"trunk.stage2.{i}_maps").output
            )
            branch = stage2(x)[0]
            np.testing.assert_allclose(maps(image)[..., :4], branch, rtol=1e-4, atol=1e-4)

    def test_stages_that_overlap_raise(self):
        with pytest.raises(ValueError, match=r"do not overlap. Received: .* which contain trunk/stage2\[0\] more"):
            HS3(self.network(), ["trunk/stage2", "trunk/stage2[0]"])

    def test_confusions_are_summed_and_predictions_averaged_over_scales(self):
        model = HS3(self.network(), self.stages)
        image, label = batch(32, 32)
        expected = np.zeros((4, 4), "int64")
        answers = model.training_model.predict_on_batch(image)
        for name in ("trunk/stage3[0]", "trunk/stage3[1]"):
            np.add.at(expected, (label[label < 4], answers[name].argmax(-1)[label < 4]), 1)
        np.testing.assert_array_equal(model.confusions([(image, label)])["trunk/stage3"], expected)

        def probabilities(name):
            return np.exp(answers[name]) / np.exp(answers[name]).sum(axis=-1, keepdims=True)

        both = probabilities("trunk/stage3[0]") + probabilities("trunk/stage3[1]")
        np.testing.assert_array_equal(model.predict_stages(image)["trunk/stage3"], both.argmax(axis=-1))

    @pytest.mark.large
    def test_fuse_is_at_every_scale_saves_and_has_weights_for_any_scales(self, tmp_path):
        model = HS3(self.network(), self.stages, self.clusters, fuse=True)
        fused = model.inference_model
        image, label = batch(32, 40)
        assert fused.auxiliary_weights == {"auxiliary_logits": 0.4, "logits_1.0x": 0.05, "logits_0.5x": 0.05}
        answers = fused(image, training=True)
        # Each scale's logits are those of the fused classifier.
        names = [layer.name for layer in fused.layers]
        assert names.count("fused_logits") == names.count("trunk") == names.count("embedding") == 1
        before = {name: numpy_of(x) for name, x in answers.items()}
        kernel = fused.get_layer("trunk.stage2_logits").kernel
        kernel.assign(kernel + 1.0 * np.arange(2))
        after = fused(image, training=True)
        for name in ("logits", "logits_1.0x", "logits_0.5x"):
            assert np.abs(numpy_of(after[name]) - before[name]).max() > 1e-6
        np.testing.assert_array_equal(after["auxiliary_logits"], before["auxiliary_logits"])

        model.compile(keras.optimizers.SGD(0.1), loss=HierarchicalCrossentropy(TREE), run_eagerly=True)
        stage2 = numpy_of(kernel)
        history = model.fit(image, label, verbose=0).history
        assert np.isfinite(history["loss"][0]) and np.any(numpy_of(kernel) != stage2)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(numpy_of(loaded(image)), numpy_of(model(image)), rtol=1e-4, atol=1e-4)
        three = HS3Fuse(self.network((0.5, 1, 2)), self.stages, self.clusters)
        three.set_weights(fused.get_weights())
        one = HS3Fuse(self.network((1,)), self.stages, self.clusters)
        one.set_weights(fused.get_weights())
        np.testing.assert_allclose(one(image), fused.training_model(image)["logits_1.0x"], rtol=1e-4, atol=1e-4)

    def test_starts_from_the_weights_of_the_network_alone(self):
        """As with `hierseg train --init`."""
        # With the width of 4, layers might be taken for a classifier of the 4 classes.
        source, model = self.network(width=6), HS3(self.network(width=6), self.stages, fuse=True)
        transfer = transfer_weights(source, model)
        # The regions of the coarse segmentation may stand for other classes.
        kept = [path for path in transfer.kept if path.startswith(("trunk/", "head/"))]
        assert kept == ["head/auxiliary_logits"]
        assert "fused_logits" in transfer.kept and "trunk.stage2_logits" in transfer.kept

    def test_any_network_may_share_a_trunk(self):
        image = keras.Input((None, None, 3))
        trunk = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="trunk")
        x = keras.layers.Concatenate()([trunk(image), trunk(keras.layers.Rescaling(0.5)(image))])
        network = TreeSegmenter(keras.Model(image, keras.layers.Conv2D(4, 1, name="classes")(x)), TREE, scores="leaves")
        model = HS3(network, ["trunk"])
        assert model(batch(8, 8)[0], training=True).keys() == {"logits", "trunk[0]", "trunk[1]"}
        with pytest.raises(ValueError, match="that the network computes once. Received: 'trunk', .* 2 times"):
            HS3Fuse(network, ["trunk"])
        assert HS3Fuse(network, ["trunk[1]"], filters=4)(batch(8, 8)[0]).shape == (2, 8, 8, 4)

    def test_fuse_of_one_scale_raises(self):
        with pytest.raises(ValueError, match="fused at every scale.*Received: \\['trunk/stage2\\[0\\]'\\]"):
            HS3Fuse(self.network(), ["trunk/stage2[0]"])

    def test_batch_norms_of_heads_are_synchronized_with_the_network(self):
        network = HRNet(TREE, synchronized_batch_norm=True, **SMALL)
        assert HS3(network, STAGES).training_model.get_layer("stage2_head_bn").synchronized
        assert HS3Fuse(network, STAGES).get_layer("fused_bn").synchronized


class HS3FuseTest:
    clusters = [[0, 0, 1, 1], [0, 0, 1, 2]]

    @only_tensorflow
    def test_blocks_have_the_stages_regions_and_halving_channels(self):
        model = HS3Fuse(HRNet(TREE, **SMALL), STAGES, self.clusters, filters=8)
        shapes = {stage: tuple(model.get_layer(f"{stage}_regions").output.shape) for stage in STAGES}
        assert shapes == {"stage2": (None, 1, 2, 4), "stage3": (None, 1, 3, 8)}
        assert model.get_layer("fuse").output.shape[-1] == 60 + 8 + 4
        # HRNet classifies 60 channels.
        for filters, channels in (("half", 30), ("same", 60)):
            whole = HS3Fuse(HRNet(TREE, **SMALL), STAGES, filters=filters)
            assert whole.get_layer("stage3_regions").output.shape[-1] == channels

    @pytest.mark.parametrize("filters", ["third", 0, 1.5])
    def test_other_numbers_of_channels_raise(self, filters):
        for model in (HS3, HS3Fuse):
            with pytest.raises(
                ValueError, match=f"`{model.__name__}` expects `filters` to be .*Received: filters={filters!r}"
            ):
                model(UNet(TREE, filters=2, num_stages=1), [STAGE], filters=filters)

    @pytest.mark.parametrize("model", [HS3, HS3Fuse])
    def test_files_of_earlier_versions_have_no_name_of_channels(self, model):
        config = model(UNet(TREE, filters=2, num_stages=1), [STAGE]).get_config()
        assert model.from_config({**config, "filters": None}).get_config()["filters"] == "half"

    @only_tensorflow
    def test_stages_reach_the_logits_and_are_trained(self, tmp_path):
        stages = (STAGE, "encoder_1_b_relu")
        model = HS3(UNet(TREE, filters=4, num_stages=2), stages, self.clusters, fuse=True, filters=8)
        assert model.inference_model.count_params() == model.count_params()
        model.compile(keras.optimizers.SGD(0.1), loss=FocalTreeMin(TREE), run_eagerly=True)
        image, label = batch(35, 33)
        heads = [model.inference_model.get_layer(f"{stage}_logits").kernel for stage in stages]
        before, logits = [numpy_of(kernel) for kernel in heads], numpy_of(model(image))
        heads[0].assign(10 * before[0])
        assert np.abs(numpy_of(model(image)) - logits).max() > 1e-5
        history = model.fit(image, label, verbose=0).history
        assert {*stages} <= history.keys() and np.isfinite(history["loss"]).all()
        assert np.any(numpy_of(heads[1]) != before[1])
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(numpy_of(loaded(image)), numpy_of(model(image)), rtol=1e-4, atol=1e-4)
        assert loaded(image).shape == (2, 35, 33, 6)

    @pytest.mark.large
    @only_tensorflow
    def test_network_with_auxiliary_logits(self):
        network = HRNetOCR(TREE, **SMALL, filters=16, key_filters=8)
        model = HS3(network, STAGES, fuse=True)
        answers = model(batch(32, 32)[0], training=True)
        assert answers.keys() == {"logits", "auxiliary_logits", *STAGES}
        assert model.auxiliary_weights == {"auxiliary_logits": 0.4}


@only_tensorflow
class SearchTest:
    @pytest.mark.parametrize("scores", ["leaves", "nodes"])
    def test_confusions_are_counted_over_all_batches(self, scores):
        keras.utils.set_random_seed(0)
        model = HS3(UNet(TREE, scores=scores, filters=2, num_stages=1), [STAGE])
        tree = ReferenceTree([tuple(path.split("/")) for path in TREE.paths[: TREE.num_leaves]])
        batches = [batch(9, 8), batch(9, 8, count=1)]
        counts = model.confusions(batches)
        for name, count in counts.items():
            expected = np.zeros((4, 4), "int64")
            for image, label in batches:
                logits = numpy_of(model.training_model(image)[name])
                # A stage has one score per cluster, of which every class is one here.
                predicted = best_leaves(tree, logits, scores if name == "logits" else "leaves")
                np.add.at(expected, (label[label < 4], predicted[label < 4]), 1)
            np.testing.assert_array_equal(count, expected)

    def test_class_embeddings_are_means_over_all_batches(self):
        model = HS3(HRNet(TREE, **SMALL), STAGES)
        batches = [batch(32, 40), batch(32, 40, count=1)]
        batches[0][1][...] %= 3
        batches[1][1][...] = 255
        found = model.class_embeddings(batches)
        image, label = batches[0]
        features = keras.Model(model.training_model.input, model.training_model.get_layer("stage3_head_relu").output)
        x = numpy_of(features(image))
        assert x.shape[1:3] == (8, 10)
        enlarged = x.repeat(4, axis=1).repeat(4, axis=2)
        expected = [enlarged[label == leaf].mean(axis=0) for leaf in range(3)]
        np.testing.assert_allclose(found["stage3"][:3], expected, rtol=1e-4, atol=1e-5)
        assert np.isnan(found["stage3"][3]).all()

    def test_embeddings_of_regions_are_means_over_the_images_that_have_the_class(self):
        model = HS3(HRNet(TREE, **SMALL), STAGES, fuse=True)
        image, label = batch(32, 40, count=3)
        label[...] = label % 2
        label[1], label[2, 0] = 1, 255
        found = model.class_embeddings([(image[:1], label[:1]), (image[1:], label[1:])])
        regions = model.inference_model.get_layer("stage3_regions").output
        x = numpy_of(keras.Model(model.inference_model.input, regions)(image))[:, 0]
        expected = [(x[0, 0] + x[2, 0]) / 2, x[:, 1].mean(axis=0)]
        np.testing.assert_allclose(found["stage3"][:2], expected, rtol=1e-3, atol=1e-5)
        assert np.isnan(found["stage3"][2:]).all() and found["stage2"].shape == (4, 15)
        features = model.class_embeddings([(image, label)], "features")
        assert features["stage3"].shape == (4, 28)

    @pytest.mark.parametrize(
        "options, kind, message",
        [
            ({}, "regions", "expects `fuse=True` for embeddings of regions"),
            ({"fuse": True, "clusters": [2]}, None, "`class_embeddings` expects all 4 classes at every stage"),
            ({}, "pixels", "embeddings of regions or features. Received: 'pixels'"),
        ],
    )
    def test_embeddings_that_are_not_there_raise(self, options, kind, message):
        model = HS3(UNet(TREE, filters=2, num_stages=1), [STAGE], **options)
        with pytest.raises(ValueError, match=message):
            model.class_embeddings([batch(8, 8)], kind)

    @pytest.mark.large
    @pytest.mark.parametrize("method", ["spectral", "kmeans"])
    def test_finds_classes_that_a_stage_cannot_tell_apart(self, method):
        """A planted case: person and rider look alike, the rest does not."""
        rng = np.random.default_rng(0)
        label = rng.integers(0, 4, (16, 8, 8)).astype("int32")
        colors = np.array([[200, 0, 0], [200, 0, 0], [0, 200, 0], [0, 0, 200]])
        image = (colors[label] + rng.normal(0, 20, (*label.shape, 3))).clip(0, 255).astype("float32")
        keras.utils.set_random_seed(0)
        model = HS3(UNet(TREE, scores="leaves", filters=8, num_stages=1), [STAGE])
        model.compile(keras.optimizers.Adam(0.02), loss=HierarchicalCrossentropy(TREE), jit_compile=False)
        model.fit(image, label, batch_size=8, epochs=15, verbose=0)
        found = model.search([(image, label)], method)
        assert found[STAGE].clusterings[3].tolist() == [0, 0, 1, 2]

    def test_unknown_method_raises(self):
        with pytest.raises(ValueError, match='"spectral" or "kmeans". Received: method=\'random\''):
            HS3(UNet(TREE, filters=2, num_stages=1), [STAGE]).search([], method="random")

    def test_needs_batches(self):
        with pytest.raises(ValueError, match="expects at least one batch of images and labels. Received: no batches"):
            HS3(UNet(TREE, filters=2, num_stages=1), [STAGE]).search([])

    def test_needs_all_classes(self):
        model = HS3(UNet(TREE, filters=2, num_stages=1), [STAGE], [2])
        with pytest.raises(ValueError, match=f"all 4 classes at every stage.*Received: 3 clusters at '{STAGE}'"):
            model.confusions([batch(8, 8)])
