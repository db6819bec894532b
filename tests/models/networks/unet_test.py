import keras
import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin, HierarchicalCrossentropy
from hierseg_keras.metrics import LevelMeanIoU
from hierseg_keras.models import UNet
from hierseg_keras.tree import ClassTree
from tests.compiled_at_once import at_once

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
IS_TENSORFLOW = keras.backend.backend() == "tensorflow"


def small(**options):
    return UNet(TREE, **{"filters": 2, "num_stages": 3, **options})


class UNetTest:
    @pytest.mark.parametrize("scores, channels", [("nodes", 4), ("leaves", 3)])
    def test_one_logit_a_node_or_leaf(self, scores, channels):
        logits = small(scores=scores, num_stages=1)(np.zeros((1, 4, 4, 3)))
        assert logits.shape == (1, 4, 4, channels)
        assert keras.backend.standardize_dtype(logits.dtype) == "float32"

    @pytest.mark.parametrize("size", [(1, 1), (5, 7), (16, 33)])
    def test_any_size(self, size):
        assert at_once(small())(np.zeros((2, *size, 3), "uint8")).shape == (2, *size, 4)
        assert small(input_shape=(*size, 3)).output_shape == (None, *size, 4)

    def test_scales_images_inside(self):
        # Mid-gray is 0 to the first convolution, which has no bias.
        model = small(num_stages=1)
        first = keras.Model(model.input, model.get_layer("encoder_0_a_conv").output)
        assert np.abs(first.predict(np.full((1, 4, 4, 3), 127.5), verbose=0)).max() < 1e-5

    @pytest.mark.skipif(not IS_TENSORFLOW, reason="the layout is the same on both")
    def test_published_layout(self):
        # Ronneberger et al. 2015, figure 1: 64 to 1024 channels, two 3x3 convolutions a stage, 23
        # convolutions in all, four of them transposed.
        model = UNet(TREE)
        kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
        assert len(kernels) == 23
        assert model.get_layer("encoder_4_b_conv").kernel.shape == (3, 3, 1024, 1024)

    @pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"] if IS_TENSORFLOW else ["float32"])
    def test_fits_in_any_precision(self, policy):
        keras.config.set_dtype_policy(policy)
        try:
            model = small()
            model.compile("sgd", loss=FocalTreeMin(TREE), metrics=[LevelMeanIoU(TREE)])
            logs = model.fit(np.ones((2, 9, 7, 3)), np.zeros((2, 9, 7)), verbose=0).history
        finally:
            keras.config.set_dtype_policy("float32")
        assert np.isfinite(logs["loss"]).all()
        assert model.output.dtype == "float32"

    @pytest.mark.large
    @pytest.mark.skipif(not IS_TENSORFLOW, reason="slow, and fit is tested above")
    def test_learns_a_tiny_scene(self):
        rng = np.random.default_rng(0)
        labels = rng.integers(0, 3, (4, 8, 8))
        colors = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200]])
        model = small(scores="leaves", filters=4, num_stages=1)
        model.compile(keras.optimizers.Adam(0.05), loss=HierarchicalCrossentropy(TREE), metrics=[LevelMeanIoU(TREE)])
        model.fit(colors[labels], labels, epochs=40, verbose=0)
        logs = model.evaluate(colors[labels], labels, verbose=0, return_dict=True)
        assert logs["miou_1"] > 0.95

    def test_saves_and_loads(self, tmp_path):
        model = small(scores="leaves", name="mine", input_shape=(None, 8, 3))
        model.save(tmp_path / "model.keras")
        revived = keras.models.load_model(tmp_path / "model.keras")
        image = np.random.default_rng(0).uniform(0, 255, (1, 6, 8, 3))
        np.testing.assert_array_equal(revived(image), model(image))
        assert revived.get_config() == model.get_config()
        assert (revived.tree, revived.name) == (TREE, "mine")

    def test_invalid_arguments_raise(self):
        with pytest.raises(ValueError, match="scores='leaf'"):
            small(scores="leaf")
        with pytest.raises(ValueError, match="num_stages"):
            small(num_stages=0)
        with pytest.raises(TypeError, match="ClassTree"):
            UNet(17)
