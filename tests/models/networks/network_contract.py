"""The short list that a network meets; its own test class adds what its architecture promises."""

import inspect

import keras
import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin
from hierseg_keras.metrics import LevelMeanIoU
from hierseg_keras.tree import ClassTree
from tests.compiled_at_once import at_once

IS_TENSORFLOW = keras.backend.backend() == "tensorflow"
TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")


class NetworkContract:
    """Tests of a network class, which a subclass names.

    Attributes:
        network: The class.
        options: Dict of all its own arguments, with values other than the defaults that make it tiny. It has
            `input_shape=(None, 8, C)`.
    """

    def made(self, **options):
        return self.network(TREE, **{**self.options, **options})

    def images(self, height=6):
        rng = np.random.default_rng(0)
        return rng.uniform(0, 255, (2, height, 8, self.options["input_shape"][-1])).astype("float32")

    def test_options_are_all_arguments_of_the_network(self):
        parameters = inspect.signature(self.network).parameters
        assert self.options.keys() == parameters.keys() - {"tree", "scores", "name", "kwargs"}
        assert all(self.options[name] != parameters[name].default for name in self.options)

    @pytest.mark.parametrize("scores, channels", [("nodes", TREE.num_nodes), ("leaves", TREE.num_leaves)])
    def test_one_logit_per_node_or_leaf_at_the_size_of_the_image(self, scores, channels):
        model = at_once(self.made(scores=scores))
        for height in (6, 13):
            logits = model(self.images(height))
            assert logits.shape == (2, height, 8, channels)
            assert keras.backend.standardize_dtype(logits.dtype) == "float32"

    def test_tree_may_be_given_as_text(self):
        assert self.network(TREE.to_text(), **self.options).tree == TREE

    def test_saves_and_loads(self, tmp_path):
        model = self.made(scores="leaves", name="mine")
        model.save(tmp_path / "model.keras")
        revived = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(revived(self.images()), model(self.images()))
        assert revived.get_config() == model.get_config()
        assert self.options.keys() <= model.get_config().keys()
        assert (revived.tree, revived.name) == (TREE, "mine")

    @pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"] if IS_TENSORFLOW else ["float32"])
    def test_fits_in_any_precision(self, policy):
        keras.config.set_dtype_policy(policy)
        try:
            model = self.made()
            model.compile("sgd", loss=FocalTreeMin(TREE), metrics=[LevelMeanIoU(TREE)])
            logs = model.fit(self.images(9), np.zeros((2, 9, 8)), verbose=0).history
        finally:
            keras.config.set_dtype_policy("float32")
        assert np.isfinite(logs["loss"]).all()
        assert model.output.dtype == "float32"

    def test_unknown_scores_raise(self):
        with pytest.raises(ValueError, match="scores='leaf'"):
            self.made(scores="leaf")
