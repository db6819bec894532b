"""HRNet, with and without object-contextual representations, and its weights from timm's files."""

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from hierseg_keras.losses import FocalTreeMin
from hierseg_keras.models import HSSN, HRNet, HRNetOCR
from hierseg_keras.models.heads.object_context import RegionAttention, RegionRepresentation
from hierseg_keras.tree import ClassTree
from tests.compiled_at_once import at_once
from tests.models.weights.old_pytorch_file import file_of

TREE = ClassTree(["human/person", "human/rider", "vehicle/car", "sky"])
SMALL = {"width": 4, "num_modules": (1, 1, 1), "num_blocks": 1}
SMALL_OCR = {**SMALL, "filters": 16, "key_filters": 8}
IS_TENSORFLOW = keras.backend.backend() == "tensorflow"
only_tensorflow = pytest.mark.skipif(not IS_TENSORFLOW, reason="TensorFlow's own, or the same on both")


def images(*size, count=2):
    return np.random.default_rng(0).uniform(0, 255, (count, *size, 3)).astype("float32")


def labels(*size, count=2):
    return np.random.default_rng(1).integers(0, TREE.num_nodes, (count, *size)).astype("int32")


def numpy_of(tensors):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, tensors)


class HRNetTest:
    @pytest.mark.parametrize("scores, channels", [("nodes", 6), ("leaves", 4)])
    def test_any_size_gives_logits_of_that_size(self, scores, channels):
        model = HRNet(TREE, scores=scores, **SMALL)
        logits = at_once(model)(images(33, 49))
        assert tuple(logits.shape) == (2, 33, 49, channels) and logits.dtype == "float32"

    def test_stages_by_name(self):
        model = HRNet(TREE, input_shape=(64, 96, 3), **SMALL)
        shapes = {2: [(16, 24, 4), (8, 12, 8)]}
        shapes[3] = [*shapes[2], (4, 6, 16)]
        shapes[4] = [*shapes[3], (2, 3, 32)]
        for stage, expected in shapes.items():
            assert [tuple(x.shape[1:]) for x in model.get_layer(f"stage{stage}").output] == expected
        assert model.get_layer("embedding").output.shape[1:] == (16, 24, 60)

    @pytest.mark.large
    @only_tensorflow
    def test_published_size(self):
        """9.6 M parameters with 19 classes."""
        model = HRNet(ClassTree([f"class{i}" for i in range(19)]), width=18, scores="leaves")
        assert sum(np.prod(weight.shape) for weight in model.trainable_weights) == pytest.approx(9.64e6, rel=1e-3)

    @only_tensorflow
    @pytest.mark.parametrize(
        "name, stride", [("conv1", 2), ("transition1.1.0.0", 2), ("stage2.0.branches.0.0.conv1", 1)]
    )
    def test_kernels_are_centred_as_pytorchs(self, name, stride):
        """On the first pixel of each pair; TensorFlow's "same" would be on the second."""
        model = HRNet(TREE, input_shape=(64, 64, 3), **SMALL)
        layer = model.get_layer(name)
        center = np.zeros(layer.kernel.shape, "float32")
        center[1, 1, 0, 0] = 1
        layer.kernel.assign(center)
        source = model.get_layer(f"{name}.pad").input if stride > 1 else layer.input
        before, after = (numpy_of(x) for x in keras.Model(model.input, [source, layer.output])(images(64, 64)))
        np.testing.assert_allclose(after[..., 0], before[:, ::stride, ::stride, 0], rtol=1e-5)

    @pytest.mark.parametrize(
        "options, message",
        [
            ({"width": 0}, "`width` to be an integer >= 1. Received: width=0"),
            ({"num_blocks": 1.5}, "`num_blocks` to be an integer >= 1. Received: num_blocks=1.5"),
            ({"num_modules": (1, 4)}, "three integers >= 1, for stages 2, 3 and 4. Received: num_modules=\\(1, 4\\)"),
            ({"scores": "pixels"}, "Received: scores='pixels'"),
        ],
    )
    def test_invalid_arguments_raise(self, options, message):
        with pytest.raises(ValueError, match=message):
            HRNet(TREE, **{**SMALL, **options})


class ObjectContextTest:
    def test_regions_match_numpy_reference(self):
        rng = np.random.default_rng(0)
        x, logits = rng.normal(size=(2, 3, 4, 5)), rng.normal(0, 3, (2, 3, 4, 6))
        weights = np.exp(logits) / np.exp(logits).sum((1, 2), keepdims=True)
        expected = np.einsum("bhwk,bhwc->bkc", weights, x)
        regions = numpy_of(RegionRepresentation()([x.astype("float32"), logits.astype("float32")]))
        np.testing.assert_allclose(regions[:, 0], expected, rtol=1e-4, atol=1e-5)

    def test_attention_matches_numpy_reference(self):
        rng = np.random.default_rng(0)
        query, key, value = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 1, 6, 5)), rng.normal(size=(2, 1, 6, 5))
        weights = np.exp(np.einsum("bhwc,bkc->bhwk", query, key[:, 0]) / np.sqrt(5))
        weights /= weights.sum(-1, keepdims=True)
        expected = np.einsum("bhwk,bkc->bhwc", weights, value[:, 0])
        gathered = numpy_of(RegionAttention()([part.astype("float32") for part in (query, key, value)]))
        np.testing.assert_allclose(gathered, expected, rtol=1e-4, atol=1e-5)

    def test_half_precision_survives_large_features(self):
        query, key, value = (np.full((1, *size, 256), 18, "float16") for size in ((2, 2), (1, 3), (1, 3)))
        gathered = numpy_of(RegionAttention(dtype="float16")([query, key, value]))
        np.testing.assert_allclose(gathered, 18, rtol=1e-2)

    def test_half_precision_survives_large_logits(self):
        x, logits = np.ones((1, 2, 2, 3), "float16"), np.full((1, 2, 2, 2), 6e4, "float16")
        np.testing.assert_allclose(numpy_of(RegionRepresentation(dtype="float16")([x, logits])), 1, rtol=1e-3)


class HRNetOCRTest:
    @only_tensorflow
    def test_loss_is_that_of_both_logits(self):
        model = HRNetOCR(TREE, **SMALL_OCR, dropout=0.0, auxiliary_weight=0.3)
        model.compile(keras.optimizers.SGD(0.0), loss=FocalTreeMin(TREE), run_eagerly=True)
        x, y = images(32, 32), labels(32, 32)
        answers = model(x, training=True)
        assert answers.keys() == {"logits", "auxiliary_logits"}
        losses = {name: float(FocalTreeMin(TREE)(y, logits)) for name, logits in answers.items()}
        assert losses["logits"] != pytest.approx(losses["auxiliary_logits"], rel=1e-3)
        (loss,) = model.fit(x, y, verbose=0).history["loss"]
        assert loss == pytest.approx(losses["logits"] + 0.3 * losses["auxiliary_logits"], rel=1e-4)
        assert model.evaluate(x, y, verbose=0) == pytest.approx(float(FocalTreeMin(TREE)(y, model(x))), rel=1e-4)

    def test_needs_a_loss_object(self):
        model = HRNetOCR(TREE, scores="leaves", **SMALL_OCR)
        model.compile("sgd", loss="sparse_categorical_crossentropy")
        with pytest.raises(ValueError, match="a `keras.losses.Loss`.*Received: loss='sparse_categorical_crossentropy'"):
            logits = np.ones((2, 4, 4, 4), "float32")
            model.compute_loss(y=labels(4, 4) % 4, y_pred={"logits": logits, "auxiliary_logits": logits})

    def test_hssn_needs_auxiliary_logits_of_its_loss(self):
        with pytest.raises(ValueError, match="`scores='nodes'`, because loss='focal_tree_min' trains these logits too"):
            HSSN(HRNetOCR(TREE, scores="leaves", **SMALL_OCR))

    @pytest.mark.parametrize("options", [{"filters": 0}, {"key_filters": 1.5}, {"auxiliary_weight": -1}])
    def test_invalid_arguments_raise(self, options):
        with pytest.raises(ValueError, match=f"`{next(iter(options))}`"):
            HRNetOCR(TREE, **{**SMALL_OCR, **options})


@pytest.fixture
def checkpoint():
    """Tensors as PyTorch names and lays them out, of a network of the small size, and a classifier."""
    rng, tensors = np.random.default_rng(0), {}
    model = HRNet(TREE, **SMALL)
    stages = keras.Model(model.input, model.get_layer("stage4").output)
    for layer in stages.layers:
        if isinstance(layer, keras.layers.Conv2D):
            height, width, channels, filters = layer.kernel.shape
            tensors[f"{layer.name}.weight"] = rng.normal(0, 0.1, (filters, channels, height, width)).astype("float32")
        if isinstance(layer, keras.layers.BatchNormalization):
            for name in ("weight", "bias", "running_mean", "running_var"):
                tensors[f"{layer.name}.{name}"] = rng.uniform(0.5, 1, layer.gamma.shape).astype("float32")
            tensors[f"{layer.name}.num_batches_tracked"] = np.array(7)
    tensors["classifier.weight"] = np.zeros((1000, 2048), "float32")
    return tensors


class SafetensorsTest:
    def test_every_tensor_finds_its_place(self, checkpoint, tmp_path):
        save_file(checkpoint, tmp_path / "hrnet.safetensors")
        model = HRNet(TREE, weights=tmp_path / "hrnet.safetensors", **SMALL)
        kernel = keras.ops.convert_to_numpy(model.get_layer("stage3.0.fuse_layers.2.0.1.0").kernel)
        tensor = checkpoint["stage3.0.fuse_layers.2.0.1.0.weight"]
        np.testing.assert_array_equal(kernel, tensor.transpose(2, 3, 1, 0))
        norm = model.get_layer("stage2.0.branches.1.0.bn2")
        for name, attribute in (("bias", "beta"), ("weight", "gamma"), ("running_var", "moving_variance")):
            value = keras.ops.convert_to_numpy(getattr(norm, attribute))
            np.testing.assert_array_equal(value, checkpoint[f"stage2.0.branches.1.0.bn2.{name}"])

    def test_a_pth_file_into_hrnet_ocr(self, checkpoint, tmp_path):
        (tmp_path / "hrnet.pth").write_bytes(file_of(checkpoint))
        model = HRNetOCR(TREE, weights=tmp_path / "hrnet.pth", **SMALL_OCR)
        kernel = keras.ops.convert_to_numpy(model.get_layer("conv2").kernel)
        np.testing.assert_array_equal(kernel, checkpoint["conv2.weight"].transpose(2, 3, 1, 0))

    def test_what_does_not_fit_is_listed_and_nothing_is_loaded(self, checkpoint, tmp_path):
        del checkpoint["bn1.bias"]
        checkpoint["conv2.weight"] = np.zeros((64, 64, 5, 5), "float32")
        checkpoint["stage5.0.weight"] = np.zeros(3, "float32")
        save_file(checkpoint, tmp_path / "hrnet.safetensors")
        model = HRNet(TREE, **SMALL)
        before = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
        from hierseg_keras.models.networks.hrnet import load_hrnet_weights

        with pytest.raises(ValueError) as caught:
            load_hrnet_weights(model, tmp_path / "hrnet.safetensors")
        for told in (
            "bn1.bias: missing",
            "(5, 5, 64, 64), expected (3, 3, 64, 64)",
            "stage5.0.weight: not in",
        ):
            assert told in str(caught.value)
        for weight, value in zip(model.weights, before):
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), value)

    def test_pickles_of_anything_else_are_not_opened(self, tmp_path):
        import pickle

        (tmp_path / "hrnet.pth").write_bytes(pickle.dumps({"conv1.weight": [1.0]}))
        with pytest.raises(ValueError, match="PyTorch's old format.*Nothing in the file was run. Save the"):
            HRNet(TREE, weights=tmp_path / "hrnet.pth", **SMALL)

    def test_missing_file_raises(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="path of a .safetensors or .pth file. Received: weights="):
            HRNet(TREE, weights=tmp_path / "nowhere.safetensors", **SMALL)
