"""A model whose losses and metrics an earlier version saved, when `scores` was named `outputs`.

`losses_and_metrics.keras` was written by commit 3f58176, and `losses_and_metrics.json` is what the model evaluated
to there on the data below. The network is two 1x1 convolutions; its metrics are all that `compile` can take.
"""

import json
import pathlib

import keras
import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin, HierarchicalCrossentropy
from hierseg_keras.metrics import LevelMeanIoU

FOLDER = pathlib.Path(__file__).parent

if keras.backend.backend() != "tensorflow":
    pytest.skip("saving is the same on both", allow_module_level=True)


def test_loads_and_evaluates_to_what_it_did():
    model = keras.models.load_model(FOLDER / "losses_and_metrics.keras")
    model.run_eagerly = True
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(2, 4, 6, 3)).astype("float32"), rng.integers(0, 4, (2, 4, 6))
    logs = model.evaluate(images, {"nodes": labels, "leaves": labels}, verbose=0, return_dict=True)
    expected = json.loads((FOLDER / "losses_and_metrics.json").read_text("utf-8"))
    assert logs == pytest.approx(expected, rel=1e-5)
    assert [type(model.loss[name]) for name in ("nodes", "leaves")] == [FocalTreeMin, HierarchicalCrossentropy]
    assert model.loss["nodes"].from_logits and model.loss["nodes"].class_weights is None


def test_old_names_of_arguments_are_translated():
    config = LevelMeanIoU("a\nb", scores="nodes").get_config()
    config["outputs"] = config.pop("scores")
    del config["from_logits"]
    assert LevelMeanIoU.from_config(config).scores == "nodes"
