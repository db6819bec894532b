"""How sizes of an image give way to each other, beside NumPy."""

import keras
import numpy as np
import pytest

from hierseg_keras.models import HRNetOCRScaleAttention
from hierseg_keras.models.layers.resize_by import ResizeBy
from hierseg_keras.tree import ClassTree

TREE = ClassTree(["human/person", "human/rider", "sky"])
SMALL = {"width": 4, "num_modules": (1, 1, 1), "num_blocks": 1, "filters": 8, "key_filters": 4}


def numpy_of(tensor):
    return keras.ops.convert_to_numpy(tensor)


def resized(x, size):
    """Bilinear, pixels being squares with their centers in the middle."""
    for axis, length in zip((1, 2), size):
        place = np.clip((np.arange(length) + 0.5) * x.shape[axis] / length - 0.5, 0, x.shape[axis] - 1)
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        share = (place - low).reshape([-1 if i == axis else 1 for i in range(4)])
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the same on both")
class ScaleAttentionTest:
    def test_fused_logits_match_numpy_reference(self):
        trained = HRNetOCRScaleAttention(TREE, scales=(0.5, 1.0), **SMALL)
        model = HRNetOCRScaleAttention(TREE, scales=(2.0, 0.5, 1.0), **SMALL)
        model.set_weights(trained.get_weights())
        trunk, head = model.get_layer("trunk"), model.get_layer("head")
        image = np.random.default_rng(0).uniform(0, 255, (1, 48, 64, 3)).astype("float32")
        seen = {}
        for scale in (2.0, 1.0, 0.5):
            maps = head(trunk(numpy_of(ResizeBy(scale)(image))))
            seen[scale] = numpy_of(maps["logits"]), numpy_of(maps["attention"])
        fused, _ = seen[2.0]
        logits, attention = seen[1.0]
        fused = attention * logits + (1 - attention) * resized(fused, logits.shape[1:3])
        logits, attention = seen[0.5]
        size = fused.shape[1:3]
        fused = resized(attention * logits, size) + (1 - resized(attention, size)) * fused
        np.testing.assert_allclose(numpy_of(model(image)), resized(fused, (48, 64)), rtol=1e-3, atol=1e-4)

    def test_each_size_is_supervised(self):
        model = HRNetOCRScaleAttention(TREE, scale_weight=0.1, **SMALL)
        assert model.auxiliary_weights == {"auxiliary_logits": 0.4, "logits_1.0x": 0.1, "logits_0.5x": 0.1}

    @pytest.mark.parametrize(
        "options, message",
        [
            ({"scales": ()}, "at least one scale, all above 0"),
            ({"scales": (0, 1)}, "at least one scale, all above 0"),
            ({"scales": (1, float("nan"))}, "all above 0 and finite"),
            ({"scale_weight": -1}, "`scale_weight` >= 0. Received: scale_weight=-1"),
        ],
    )
    def test_invalid_arguments_raise(self, options, message):
        with pytest.raises(ValueError, match=message):
            HRNetOCRScaleAttention(TREE, **{**SMALL, **options})


class ResizeByTest:
    @pytest.mark.parametrize("scale, size", [(0.5, (4, 4)), (2.0, (14, 16)), (0.01, (1, 1))])
    def test_size_is_rounded(self, scale, size):
        layer, image = ResizeBy(scale), np.ones((1, 7, 8, 3), "float32")
        assert layer(image).shape[1:3] == size == layer.compute_output_shape(image.shape)[1:3]
