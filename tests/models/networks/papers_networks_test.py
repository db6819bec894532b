"""What is promised of each network of the papers: any size, `HSSN`, replicas, precisions, saving, exporting."""

import dataclasses
import functools

import keras
import numpy as np
import pytest

from hierseg_keras.metrics import LevelMeanIoU
from hierseg_keras.models import HSSN, DeepLabV3Plus, HRNetOCR, HRNetOCRScaleAttention, MaskFormer, SAGate
from hierseg_keras.models.backbones.wide_resnet import wide_resnet38
from hierseg_keras.models.graph.frozen_layers import freeze_backbone
from hierseg_keras.models.weights.transferred_weights import transfer_weights
from hierseg_keras.tree import ClassTree

if keras.backend.backend() != "tensorflow":
    pytest.skip("replicas and exports are TensorFlow's", allow_module_level=True)

import tensorflow as tf  # noqa: E402

TREE = ClassTree(["human/person", "human/rider", "vehicle/car", "sky"])
SMALL_HRNET = {"width": 4, "num_modules": (1, 1, 1), "num_blocks": 1, "filters": 16, "key_filters": 8}
SMALL_WIDE = ((1, (8, 8), 0.0), (1, (8, 8), 0.0), (2, (8, 8), 0.0), (1, (8, 16), 0.0), (1, (8, 8, 16), 0.3))
NETWORKS = {
    "maskformer": functools.partial(
        MaskFormer, TREE, "swin_nano", filters=16, num_queries=3, num_layers=2, num_heads=2
    ),
    "hrnet_ocr": functools.partial(HRNetOCR, TREE, **SMALL_HRNET),
    "hrnet_ocr_scale_attention": functools.partial(HRNetOCRScaleAttention, TREE, **SMALL_HRNET),
    "sa_gate": functools.partial(SAGate, TREE, (1, 1, 1, 1), width=4, filters=8, depth_channels=1),
    "wide_resnet38": functools.partial(DeepLabV3Plus, TREE, "wide_resnet38", output_stride=8, filters=8),
}


@pytest.fixture
def make(name, monkeypatch):
    from hierseg_keras.models.backbones import named_backbones

    def small(output_stride):
        features = wide_resnet38(output_stride, SMALL_WIDE, name="backbone")
        return features, features

    backbones = named_backbones.BACKBONES
    monkeypatch.setitem(backbones, "wide_resnet38", dataclasses.replace(backbones["wide_resnet38"], make=small))
    return NETWORKS[name]


def batch(model, *size):
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 255, (2, *size, model.input_shape[-1])).astype("float32")
    return image, rng.integers(0, TREE.num_nodes, (2, *size)).astype("int32")


def assert_close(ours, theirs):
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-3, atol=1e-4)


class PapersNetworksTest:
    @pytest.mark.large
    @pytest.mark.parametrize("name", NETWORKS)
    def test_fits_in_hssn_on_two_replicas_saves_loads_and_exports(self, make, two_replicas, tmp_path):
        with two_replicas.scope():
            model = HSSN(make(), seed=0, projection_filters=8)
            # Eagerly, as building the graph of a step on two replicas takes a minute.
            model.compile(keras.optimizers.SGD(0.01), metrics=[LevelMeanIoU(TREE)], run_eagerly=True)
        image, label = batch(model.inference_model, 35, 33)
        before = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_weights]
        history = model.fit(image, label, batch_size=2, verbose=0).history
        assert {"loss", "focal_tree_min", "tree_triplet"} <= history.keys()
        assert np.isfinite([values[-1] for values in history.values()]).all()
        moved = [np.any(np.asarray(weight) != old) for weight, old in zip(model.trainable_weights, before)]
        # But for biases of keys, which a softmax does not see.
        assert np.mean(moved) > 0.8

        image, _ = batch(model.inference_model, 64, 40)
        expected = model(image)
        assert expected.shape == (2, 64, 40, TREE.num_nodes) and expected.dtype == "float32"
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert_close(loaded(image), expected)
        assert loaded.count_params() == model.count_params()
        loaded.export(tmp_path / "export", verbose=False)
        served = tf.saved_model.load(tmp_path / "export")
        assert_close(served.serve(image), expected)

    @pytest.mark.parametrize("name", NETWORKS)
    @pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
    def test_logits_are_finite_and_float32_in_mixed_precision(self, make, precision):
        keras.config.set_dtype_policy(precision)
        try:
            model = make()
        finally:
            keras.config.set_dtype_policy("float32")
        image, _ = batch(model, 64, 32)
        for logits in keras.tree.flatten(model(image, training=True)):
            assert logits.dtype == "float32" and np.isfinite(logits).all()

    @pytest.mark.parametrize("name", NETWORKS)
    def test_takes_all_weights_of_another_of_its_kind(self, make):
        source, target = make(), make()
        assert transfer_weights(source, target).kept == ()
        image, _ = batch(source, 64, 32)
        np.testing.assert_array_equal(target(image), source(image))

    @pytest.mark.parametrize("name", NETWORKS)
    def test_its_backbone_can_be_frozen(self, make):
        model = make()
        freeze_backbone(model)
        trained = {weight.path for weight in model.trainable_weights}
        first = next(layer for layer in model._flatten_layers(include_self=False) if layer.weights)
        assert trained and not any(weight.path in trained for weight in first.weights)
