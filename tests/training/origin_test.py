import json
import platform
import types
import warnings

import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import hierseg_keras as hs  # noqa: E402
from hierseg_keras.distribution import make_strategy  # noqa: E402
from hierseg_keras.training.data_sets import DataSets  # noqa: E402
from hierseg_keras.training.manifest import CONFIG, MANIFEST, TREE, Manifest  # noqa: E402
from hierseg_keras.training.origin import origin_of, warn_of_other_data  # noqa: E402
from tests.training.tiny_run import tiny_config  # noqa: E402

TREE_OF_RUN = hs.ClassTree.load("street_blocks")


@pytest.fixture
def config(data_dir):
    return tiny_config(data_dir)


def data_sets_of(config):
    return DataSets(config.data, TREE_OF_RUN)


@pytest.fixture
def run(tmp_path):
    for name in (CONFIG, TREE):
        (tmp_path / name).write_text("")
    return tmp_path


class OriginOfTest:
    def test_names_software_machine_and_data(self, config, run):
        Manifest(run, **origin_of(config, make_strategy(1), data_sets_of(config)))
        content = json.loads((run / MANIFEST).read_text())
        versions = {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__}
        versions |= {"hierseg_keras": hs.__version__, "python": platform.python_version()}
        assert versions.items() <= content["versions"].items() and "tensorflow-datasets" in content["versions"]
        assert (content["platform"], content["backend"]) == (platform.platform(), keras.backend.backend())
        assert content["devices"] == ["CPU:0"]
        assert list(content["data"]) == ["street_blocks/1.0.0"]

    def test_names_every_data_set_once(self, config, monkeypatch):
        prepared, Info = [], types.SimpleNamespace
        monkeypatch.setattr("hierseg_keras.training.origin.fingerprint_of", lambda builder: "hash")
        monkeypatch.setattr(
            "hierseg_keras.training.data_sets.data.prepare",
            lambda name, *_: prepared.append(name) or types.SimpleNamespace(name=name, info=Info(full_name=name)),
        )
        several = config.replace(data={"dataset": ["a", "b", "a"]}, evaluation={"dataset": "c"})
        assert origin_of(several, make_strategy(1), data_sets_of(several))["data"] == {
            "a": "hash",
            "b": "hash",
            "c": "hash",
        }
        assert prepared == ["a", "b", "c"]

    def test_names_every_replica(self, config, two_replicas):
        assert origin_of(config, two_replicas, data_sets_of(config))["devices"] == ["CPU:0", "CPU:1"]


class WarnOfOtherDataTest:
    def test_other_data_are_a_warning(self, config, run):
        Manifest(run, data={"street_blocks/1.0.0": "2:another"})
        with pytest.warns(UserWarning, match=f"street_blocks/1.0.0 has changed since {run} was trained"):
            warn_of_other_data(run, config, data_sets_of(config))

    def test_the_same_data_and_runs_without_a_record_are_none(self, config, run):
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            warn_of_other_data(run, config, data_sets_of(config))
            # An earlier version has computed it in another way.
            Manifest(run, data={"street_blocks/1.0.0": "another"})
            warn_of_other_data(run, config, data_sets_of(config))
            Manifest(run)
            warn_of_other_data(run, config, data_sets_of(config))
            Manifest(run, **origin_of(config, make_strategy(1), data_sets_of(config)))
            warn_of_other_data(run, config, data_sets_of(config))
