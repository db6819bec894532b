import keras
import numpy as np
import pytest

from hierseg_keras.losses import HierarchicalCrossentropy
from hierseg_keras.metrics import LevelMeanIoU
from hierseg_keras.models import UNet
from tests.compiled_at_once import at_once
from tests.models.networks.network_contract import IS_TENSORFLOW, TREE, NetworkContract


def small(**options):
    return UNet(TREE, **{"filters": 2, "num_stages": 3, **options})


class UNetTest(NetworkContract):
    network = UNet
    options = {"filters": 2, "num_stages": 3, "input_shape": (None, 8, 3)}

    @pytest.mark.parametrize("size", [(1, 1), (16, 33)])
    def test_any_size(self, size):
        assert at_once(small())(np.zeros((2, *size, 3), "uint8")).shape == (2, *size, 4)
        assert small(input_shape=(*size, 3)).output_shape == (None, *size, 4)

    @pytest.mark.parametrize("scores, expected", [("nodes", [1 / 4, 1 / 4, 1 / 4, 2 / 4]), ("leaves", [1 / 2] * 3)])
    def test_node_probabilities_start_at_the_share_of_leaves_below(self, scores, expected):
        """Unlabeled pixels count as one more leaf. A softmax starts at zeros."""
        bias = keras.ops.convert_to_numpy(small(scores=scores).get_layer("logits").bias)
        np.testing.assert_allclose(1 / (1 + np.exp(-bias)), expected, rtol=1e-6)

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

    def test_invalid_arguments_raise(self):
        with pytest.raises(ValueError, match="num_stages"):
            small(num_stages=0)
        with pytest.raises(TypeError, match="ClassTree"):
            UNet(17)
