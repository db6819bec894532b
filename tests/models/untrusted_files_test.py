"""`.keras` files that were edited to name code of another module, which must not be imported."""

import json
import sys
import zipfile

import keras
import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.losses import FocalTreeMin  # noqa: E402
from hierseg_keras.models import HSSN, UNet  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
STRANGE = {"module": "side_effect", "class_name": "Anything", "config": {}, "registered_name": None}
LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None}}},
    "registered_name": None,
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    network = UNet(TREE, filters=2, num_stages=1)
    model = HSSN(network, TREE)
    model.compile("sgd", loss=FocalTreeMin(TREE))
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    model.save(path)
    return path


def edited(path, out, change):
    """Writes the file with another configuration."""
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name == "config.json":
                config = json.loads(content)
                change(config)
                content = json.dumps(config).encode()
            after.writestr(name, content)
    return out


@pytest.mark.parametrize("other", [STRANGE, LAMBDA], ids=["another module", "lambda"])
@pytest.mark.parametrize(
    "place",
    [
        lambda config, other: config.update(other),
        lambda config, other: config["config"].update(segmenter=other),
        lambda config, other: config["config"]["segmenter"].update(other),
        lambda config, other: config["compile_config"].update(loss=other),
        lambda config, other: config["compile_config"].update(optimizer=other),
    ],
    ids=["model", "network", "fields of the network", "loss", "optimizer"],
)
def test_code_of_another_module_is_not_imported(place, other, saved, tmp_path, monkeypatch):
    (tmp_path / "side_effect.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    path = edited(saved, tmp_path / "edited.keras", lambda config: place(config, other))
    with pytest.raises((TypeError, ValueError)):
        keras.models.load_model(path)
    assert "side_effect" not in sys.modules


def test_the_file_as_it_was_is_loaded(saved, tmp_path):
    assert isinstance(keras.models.load_model(edited(saved, tmp_path / "same.keras", lambda config: None)), HSSN)
