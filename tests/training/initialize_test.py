"""A run that starts from the weights of an earlier run."""

import json
import re

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.training import load_run, train  # noqa: E402
from hierseg_keras.training.build import training_counts, with_data  # noqa: E402
from hierseg_keras.training.data_sets import DataSets  # noqa: E402
from tests.training.tiny_run import tiny_config  # noqa: E402


@pytest.fixture(scope="module")
def flat_run(tmp_path_factory):
    """A run of a flat network, whose first layer is unlike that of any new network."""
    folder = tmp_path_factory.mktemp("runs") / "flat"
    train(config(loss={"name": "SparseCategoricalCrossentropy"}), folder, verbose=0)
    return folder


def config(**tables):
    return tiny_config(schedule={"steps": 1}, **tables)


def first_kernel(model):
    return getattr(model, "inference_model", model).get_layer("encoder_0_a_conv").get_weights()[0]


class InitializeTest:
    def test_a_run_of_hssn_starts_from_a_flat_one(self, flat_run, tmp_path, capsys):
        # With a learning rate of almost 0 the weights stay where they started.
        later = config(init=str(flat_run), method={"name": "HSSN"}, optimizer={"learning_rate": 1e-12})
        later = later.replace(optimizer={"weight_decay": 0.0})
        model = train(later, tmp_path / "hssn", verbose=2)
        np.testing.assert_allclose(first_kernel(model), first_kernel(load_run(flat_run)[1]), atol=1e-6)
        new = "logits, projection/projection_1, projection/projection_2"
        assert re.search(f"Weights of .*flat; layers with new weights: {new}.", printed(capsys))
        record = json.loads((tmp_path / "hssn" / "run.json").read_text())["init"]
        assert record["run"] == str(flat_run) and record["new"] == new.split(", ")

    def test_another_network_is_refused_before_the_data_are_read(self, flat_run, tmp_path):
        other = config(init=str(flat_run), network={"name": "HRNet", "width": 1}, data={"dataset": "camvid_tree"})
        with pytest.raises(ValueError, match="`init` expects a run whose network has layers of this one.*UNet"):
            train(other, tmp_path / "run", verbose=0)

    def test_a_folder_without_a_run_is_refused(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="expected the folder of a training run"):
            train(config(init=str(tmp_path)), tmp_path / "run", verbose=0)

    def test_a_frozen_layer_that_the_earlier_run_lacks_is_refused(self, flat_run, tmp_path):
        deeper = config(init=str(flat_run), freeze="backbone", network={"num_stages": 2})
        with pytest.raises(
            ValueError, match="`freeze` expects a run in `init` that has all .* without encoder_1_a_conv"
        ):
            train(deeper, tmp_path / "run", verbose=0)

    def test_loading_the_run_does_not_need_the_earlier_one(self, flat_run, tmp_path):
        copy = flat_run.rename(flat_run.with_name("renamed"))
        train(config(init=str(copy), freeze="backbone"), tmp_path / "run", verbose=0)
        copy.rename(flat_run)
        _, model = load_run(tmp_path / "run")
        assert not model.get_layer("encoder_0_a_conv").trainable
        np.testing.assert_array_equal(first_kernel(model), first_kernel(load_run(flat_run)[1]))


def printed(capsys):
    return " ".join(capsys.readouterr().out.split())


class ClassPriorTest:
    def test_a_new_run_starts_with_the_frequencies_of_its_labels(self, tmp_path):
        prior = config(class_prior=True, optimizer={"learning_rate": 1e-12, "weight_decay": 0.0})
        model = train(prior, tmp_path / "run", verbose=0)
        tree, data_sets = model.tree, DataSets(prior.data, model.tree)
        counts = training_counts(with_data(prior, data_sets), data_sets).sum(axis=0)
        frequencies = counts[: tree.num_leaves] / counts[: tree.num_nodes].sum()
        bias = model.get_layer("logits").get_weights()[1]
        assert counts[tree.num_leaves : tree.num_nodes].sum() == 0 and len(bias) == tree.num_leaves
        np.testing.assert_allclose(np.exp(bias), np.maximum(frequencies, 1e-4), rtol=1e-4)

    def test_it_is_refused_where_it_would_undo_something_or_cannot_be(self, tmp_path):
        with pytest.raises(ValueError, match="`class_prior` expects false for a run with `init`"):
            config(class_prior=True, init="somewhere")
        small = {"filters": 8, "num_queries": 2, "num_layers": 1, "num_heads": 1}
        network = {"name": "MaskFormer", "backbone": "swin_nano", **small}
        with pytest.raises(ValueError, match="`set_class_prior` expects a network that ends in a 1x1 convolution"):
            train(config(class_prior=True, network=network), tmp_path / "run", verbose=0)
        assert not (tmp_path / "run" / "config.toml").exists()
