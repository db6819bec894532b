import keras
import numpy as np
import pytest

from hierseg_keras.models.backbones.resnet import resnet_v1, resnet_v2
from hierseg_keras.models.backbones.resnet_stages import resnet_stages
from hierseg_keras.models.layers.dilation import strides_and_dilations


def randomised(model):
    """Random weights whose features stay near 1, moving averages included."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        value = weight.numpy() if hasattr(weight, "numpy") else np.asarray(weight)
        if weight.path.endswith(("gamma", "moving_variance")):
            weight.assign(rng.uniform(0.5, 1.0, value.shape))
        elif weight.path.endswith(("beta", "moving_mean", "bias")):
            weight.assign(rng.normal(0, 0.1, value.shape))
    return model


class ResNetDTest:
    @pytest.mark.parametrize("output_stride, expected", [(32, [1] * 8), (16, [1] * 7 + [2]), (8, [1] * 5 + [2, 2, 4])])
    def test_first_blocks_of_dilated_stages_are_contracted(self, output_stride, expected):
        """Pairs of blocks, one pair per stage: the first block has the dilation of the stage before."""
        image = keras.Input((None, None, 3))
        stages = resnet_stages(image, (2, 2, 2, 2), output_stride, width=8, is_variant_d=True)
        model = keras.Model(image, stages["layer4"])
        dilations = [layer.dilation_rate[0] for layer in model.layers if layer.name.endswith("conv2")]
        assert dilations == expected
        # Shortcuts are pooled where there is a stride, and nowhere else.
        pools = [layer.name for layer in model.layers if isinstance(layer, keras.layers.AveragePooling2D)]
        strided = {32: (2, 3, 4), 16: (2, 3), 8: (2,)}[output_stride]
        assert pools == [f"layer{stage}.0.downsample.0" for stage in strided]
        assert [model.get_layer(f"conv1.{i}").filters for i in (0, 3, 6)] == [4, 4, 8]


class ResNetTest:
    @pytest.mark.parametrize(
        "output_stride, expected",
        [
            (32, ((1, 2, 2, 2), (1, 1, 1, 1))),
            (16, ((1, 2, 2, 1), (1, 1, 1, 2))),
            (8, ((1, 2, 1, 1), (1, 1, 2, 4))),
        ],
    )
    def test_dilations_take_over_from_strides(self, output_stride, expected):
        assert strides_and_dilations(output_stride) == expected

    @pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="slow, and the layers are the same on both")
    @pytest.mark.parametrize(
        "make, source, low",
        [
            (resnet_v1, keras.applications.ResNet50, "conv2_block3_out"),
            (resnet_v2, keras.applications.ResNet50V2, "conv2_block2_out"),
        ],
    )
    def test_features_equal_those_of_keras_applications(self, make, source, low):
        source = randomised(source(include_top=False, weights=None, input_shape=(64, 96, 3)))
        model = make((3, 4, 6, 3), 32)
        model.set_weights(source.get_weights())
        x = np.random.default_rng(1).normal(size=(1, 64, 96, 3)).astype("float32")
        expected = keras.Model(source.input, [source.get_layer(low).output, source.output])(x)
        for ours, theirs in zip(model(x), expected):
            ours, theirs = keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs)
            assert theirs.std() > 0
            np.testing.assert_allclose(ours, theirs, atol=1e-4 * abs(theirs).max())
