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
from hierseg_keras.training.manifest import CONFIG, MANIFEST, TREE, Manifest  # noqa: E402
from hierseg_keras.training.origin import origin_of, warn_of_other_data  # noqa: E402


@pytest.fixture
def values(data_dir):
    return types.SimpleNamespace(dataset="street_blocks", data_dir=str(data_dir), manual_dir=None)


@pytest.fixture
def run(tmp_path):
    for name in (CONFIG, TREE):
        (tmp_path / name).write_text("")
    return tmp_path


class OriginOfTest:
    def test_names_software_machine_and_data(self, values, run):
        Manifest(run, **origin_of(values, make_strategy(1)))
        content = json.loads((run / MANIFEST).read_text())
        versions = {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__}
        versions |= {"hierseg_keras": hs.__version__, "python": platform.python_version()}
        assert versions.items() <= content["versions"].items() and "tensorflow-datasets" in content["versions"]
        assert (content["platform"], content["backend"]) == (platform.platform(), keras.backend.backend())
        assert content["devices"] == ["CPU:0"]
        assert list(content["data"]) == ["street_blocks/1.0.0"]

    def test_names_every_replica(self, values, two_replicas):
        assert origin_of(values, two_replicas)["devices"] == ["CPU:0", "CPU:1"]


class WarnOfOtherDataTest:
    def test_other_data_are_a_warning(self, values, run):
        Manifest(run, data={"street_blocks/1.0.0": "another"})
        with pytest.warns(UserWarning, match=f"street_blocks/1.0.0 has changed since {run} was trained"):
            warn_of_other_data(run, values)

    def test_the_same_data_and_runs_without_a_record_are_none(self, values, run):
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            warn_of_other_data(run, values)
            Manifest(run)
            warn_of_other_data(run, values)
            Manifest(run, **origin_of(values, make_strategy(1)))
            warn_of_other_data(run, values)
