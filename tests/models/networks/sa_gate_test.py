"""The gate beside a NumPy reference, and both streams' start from one file."""

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from hierseg_keras.models.backbones.separation_aggregation_gate import separation_aggregation_gate
from hierseg_keras.tree import ClassTree

TREE = ClassTree(["human/person", "human/rider", "sky"])


def numpy_of(tensor):
    return keras.ops.convert_to_numpy(tensor)


class SeparationAggregationGateTest:
    def test_matches_numpy_reference(self):
        shape = (5, 7, 32)
        inputs = [keras.Input(shape), keras.Input(shape)]
        model = keras.Model(inputs, separation_aggregation_gate(*inputs, "gate"))
        rng = np.random.default_rng(0)
        image, depth = rng.normal(size=(2, 2, *shape))
        for weight in model.weights:
            weight.assign(rng.normal(0, 0.3, weight.shape))
        layers = [layer for layer in model.layers if layer.weights]
        kernel, bias = ({layer.name: numpy_of(layer.weights[i]) for layer in layers} for i in (0, 1))

        def weights(stream):
            pooled = np.concatenate([image, depth], -1).mean((1, 2), keepdims=True)
            hidden = np.maximum(pooled @ kernel[f"gate.{stream}.squeeze"] + bias[f"gate.{stream}.squeeze"], 0)
            return 1 / (1 + np.exp(-(hidden @ kernel[f"gate.{stream}.excite"] + bias[f"gate.{stream}.excite"])))

        cleaned = [image + weights("image") * depth, depth + weights("depth") * image]
        trust = np.exp(np.concatenate(cleaned, -1) @ kernel["gate.gate"][0, 0] + bias["gate.gate"])
        trust /= trust.sum(-1, keepdims=True)
        joined = image * trust[..., :1] + depth * trust[..., 1:]
        expected = [(image + joined) / 2, (depth + joined) / 2, joined]
        answers = model([image.astype("float32"), depth.astype("float32")])
        for ours, reference in zip(answers, expected, strict=True):
            np.testing.assert_allclose(numpy_of(ours), reference, rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="KerasCV imports TensorFlow")
class SAGateTest:
    small = {"blocks": (1, 1, 1, 1), "width": 4, "filters": 8}

    def make(self, **options):
        from hierseg_keras.models import SAGate

        return SAGate(TREE, **{**self.small, **options})

    def test_both_streams_start_from_one_file(self, tmp_path):
        rng, tensors = np.random.default_rng(0), {}
        for layer in self.make().layers:
            if layer.name.startswith("image.") and layer.weights:
                name = layer.name.removeprefix("image.")
                if isinstance(layer, keras.layers.Conv2D):
                    height, width, channels, filters = layer.kernel.shape
                    tensors[f"{name}.weight"] = rng.normal(size=(filters, channels, height, width)).astype("float32")
                else:
                    for parameter in ("weight", "bias", "running_mean", "running_var"):
                        tensors[f"{name}.{parameter}"] = rng.uniform(size=layer.gamma.shape).astype("float32")
        save_file({**tensors, "fc.bias": np.zeros(1000, "float32")}, tmp_path / "resnet.safetensors")
        model = self.make(weights=tmp_path / "resnet.safetensors")
        for stream in ("image", "depth"):
            kernel = numpy_of(model.get_layer(f"{stream}.layer4.0.conv2").kernel)
            np.testing.assert_array_equal(kernel, tensors["layer4.0.conv2.weight"].transpose(2, 3, 1, 0))
            mean = numpy_of(model.get_layer(f"{stream}.bn1").moving_mean)
            np.testing.assert_array_equal(mean, tensors["bn1.running_mean"])

    def test_depth_changes_what_is_seen(self):
        model = self.make()
        image = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 6)).astype("float32")
        other = image.copy()
        other[..., 3:] = 255 - other[..., 3:]
        assert np.abs(numpy_of(model(image)) - numpy_of(model(other))).max() > 1e-4

    def test_last_stage_has_a_grid_of_dilations(self):
        model = self.make(blocks=(1, 1, 1, 3))
        dilations = [model.get_layer(f"depth.layer4.{i}.conv2").dilation_rate for i in range(3)]
        assert dilations == [(2, 2), (4, 4), (8, 8)]

    @pytest.mark.parametrize(
        "options, message",
        [
            ({"blocks": (1, 1, 1)}, "`blocks` to be four integers >= 1. Received: blocks=\\(1, 1, 1\\)"),
            ({"depth_channels": 2}, "`depth_channels` to be 3 \\(HHA\\) or 1 .*Received: depth_channels=2"),
            ({"input_shape": (8, 8, 4)}, "`SAGate` expects `input_shape=\\(H, W, 6\\)`"),
        ],
    )
    def test_invalid_arguments_raise(self, options, message):
        with pytest.raises(ValueError, match=message):
            self.make(**options)
