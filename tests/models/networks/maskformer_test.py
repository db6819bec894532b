"""MaskFormer's parts beside NumPy, and the whole."""

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from hierseg_keras.models import MaskFormer
from hierseg_keras.models.heads.logits_head import logits_bias
from hierseg_keras.models.heads.query_decoder import Queries, SinePosition
from hierseg_keras.models.networks.maskformer import QueryVotes
from hierseg_keras.tree import ClassTree
from tests.compiled_at_once import at_once

TREE = ClassTree(["human/person", "human/rider", "vehicle/car", "sky"])
SMALL = {"backbone": "swin_nano", "filters": 16, "num_queries": 3, "num_layers": 2, "num_heads": 2}
only_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the same on both")


def numpy_of(tensor):
    return keras.ops.convert_to_numpy(tensor)


def images(*size, count=2):
    return np.random.default_rng(0).uniform(0, 255, (count, *size, 3)).astype("float32")


class QueryVotesTest:
    def test_matches_numpy_reference(self):
        rng = np.random.default_rng(0)
        scores, masks, x = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 6, 7, 5))
        layer = QueryVotes(4, logits_bias(ClassTree(["a/b", "a/c", "d"]), "nodes"))
        logits = numpy_of(layer([part.astype("float32") for part in (scores, masks, x)]))
        inside = 1 / (1 + np.exp(-np.einsum("bqc,bhwc->bhwq", masks, x)))
        # Of three leaves and the void a leaf has one share of four, and `a` two.
        bias = np.log([1 / 3, 1 / 3, 1 / 3, 2 / 2])
        expected = bias + np.einsum("bhwq,bqk->bhwk", inside, scores)
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


class QueryDecoderTest:
    def test_position_matches_numpy_reference(self):
        position = numpy_of(SinePosition()(np.zeros((2, 3, 4, 8), "float32")))
        assert position.shape == (1, 3, 4, 8)
        for row in range(3):
            for column in range(4):
                angles = [(row + 1) / 3 * 2 * np.pi, (column + 1) / 4 * 2 * np.pi]
                expected = [
                    wave(angle / 10000 ** (pair / 4))
                    for angle in angles
                    for pair in (0, 2)
                    for wave in (np.sin, np.cos)
                ]
                np.testing.assert_allclose(position[0, row, column], expected, rtol=1e-4, atol=1e-5)

    def test_queries_are_each_images(self):
        queries = numpy_of(Queries(3)(np.zeros((2, 5, 5, 4), "float32")))
        assert queries.shape == (2, 3, 4) and queries.std() > 0
        np.testing.assert_array_equal(queries[0], queries[1])


class MaskFormerTest:
    @pytest.mark.parametrize("scores, channels", [("nodes", 6), pytest.param("leaves", 4, marks=only_tensorflow)])
    def test_any_size_gives_logits_of_that_size(self, scores, channels):
        model = MaskFormer(TREE, scores=scores, **SMALL)
        logits = at_once(model)(images(33, 49))
        assert tuple(logits.shape) == (2, 33, 49, channels) and logits.dtype == "float32"
        answers = model.training_model(keras.KerasTensor((2, 33, 49, 3)))
        assert {name: answer.shape for name, answer in answers.items()} == {
            "logits": (2, 33, 49, channels),
            "auxiliary_logits_0": (2, 33, 49, channels),
        }

    @only_tensorflow
    def test_auxiliary_logits_are_answered_in_training_alone(self):
        answers = MaskFormer(TREE, **SMALL)(images(33, 49), training=True)
        assert answers.keys() == {"logits", "auxiliary_logits_0"}

    @only_tensorflow
    def test_auxiliary_logits_are_those_of_the_layer_before(self):
        """One layer of the decoder answers as the first of two does."""
        model = MaskFormer(TREE, dropout=0.0, **SMALL)
        shorter = MaskFormer(TREE, dropout=0.0, **{**SMALL, "num_layers": 1})
        assert shorter.auxiliary_weights == {}
        for weight in shorter.weights:
            (same,) = [other for other in model.weights if other.path == weight.path]
            weight.assign(same)
        # Dropped paths are drawn anew in training.
        first = model.training_model(images(32, 32), training=False)["auxiliary_logits_0"]
        np.testing.assert_allclose(numpy_of(first), numpy_of(shorter(images(32, 32))), rtol=1e-4, atol=1e-4)

    @only_tensorflow
    def test_timms_weights_find_their_place(self, tmp_path):
        rng, tensors = np.random.default_rng(0), {}
        model = MaskFormer(TREE, **SMALL)
        for name, *shape in (
            ("layers.1.blocks.0.attn.qkv.weight", 192, 64),
            ("layers.1.blocks.0.attn.relative_position_bias_table", 169, 2),
            ("layers.1.downsample.norm.weight", 128),
        ):
            tensors[name] = rng.normal(size=shape).astype("float32")
        save_file(tensors, tmp_path / "part.safetensors")
        with pytest.raises(ValueError, match="patch_embed.proj.weight: missing in the file"):
            MaskFormer(TREE, weights=tmp_path / "part.safetensors", **SMALL)
        whole = {**_as_timms(model), **tensors, "head.fc.weight": np.zeros((1000, 256), "float32")}
        whole["layers.1.blocks.0.attn.relative_position_index"] = np.zeros((49, 49), "int64")
        save_file(whole, tmp_path / "swin.safetensors")
        loaded = MaskFormer(TREE, weights=tmp_path / "swin.safetensors", **SMALL)
        kernel = numpy_of(loaded.get_layer("layers.1.blocks.0.attn.qkv").kernel)
        np.testing.assert_array_equal(kernel, tensors["layers.1.blocks.0.attn.qkv.weight"].T)
        gamma = numpy_of(loaded.get_layer("layers.1.downsample.norm").gamma)
        np.testing.assert_array_equal(gamma, tensors["layers.1.downsample.norm.weight"])

    @pytest.mark.parametrize(
        "options, message",
        [
            ({"backbone": "swin_huge"}, "one of .*'swin_small'.*Received: backbone='swin_huge'"),
            ({"num_queries": 0}, "`num_queries` to be an integer >= 1. Received: num_queries=0"),
            ({"filters": 18}, "a multiple of 4 and of `num_heads`. Received: filters=18, num_heads=2"),
            ({"auxiliary_weight": -1}, "`auxiliary_weight` >= 0"),
            ({"scores": "pixels"}, "Received: scores='pixels'"),
        ],
    )
    def test_invalid_arguments_raise(self, options, message):
        with pytest.raises(ValueError, match=message):
            MaskFormer(TREE, **{**SMALL, **options})


def _as_timms(model):
    """The backbone's tensors as timm names and lays them out."""
    tensors = {}
    for layer in model.layers:
        if not layer.name.startswith(("patch_embed", "layers.")):
            continue
        for variable in layer.weights:
            value, name = numpy_of(variable), variable.path.split("/")[-1]
            if name == "kernel":
                value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T
            torchs = {"kernel": "weight", "gamma": "weight", "beta": "bias"}.get(name, name)
            tensors[f"{layer.name}.{torchs}"] = np.ascontiguousarray(value)
    return tensors
