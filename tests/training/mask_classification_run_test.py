"""A run of MaskFormer with its own objective."""

import csv

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from PIL import Image  # noqa: E402

from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.models import MaskClassification  # noqa: E402
from hierseg_keras.training import evaluate_run, load_run, train  # noqa: E402
from tests.training.tiny_run import tiny_config  # noqa: E402

SMALL = {"backbone": "swin_nano", "filters": 16, "num_queries": 18, "num_layers": 2, "num_heads": 2}


@pytest.mark.large
def test_trains_evaluates_predicts_and_exports(data_dir, tmp_path, run_eagerly):
    config = tiny_config(
        data_dir,
        # A last map of one pixel would leave the queries nothing to choose from.
        data={"size": (64, 96), "train_split": "train[:4]"},
        network={"name": "MaskFormer", **SMALL},
        method={"name": "MaskClassification"},
        loss={"name": "SparseCategoricalCrossentropy"},
        schedule={"epochs": 1},
        evaluation={"batch_size": 1, "split": "validation[:2]"},
    )
    run = tmp_path / "run"
    train(config, run, verbose=0)
    with (run / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert {"classification", "focal", "dice", "miou_1", "val_miou_3", "val_loss"} <= row.keys()
    values = evaluate_run(run, verbose=0)
    assert values["miou_1"] == pytest.approx(float(row["val_miou_1"]), abs=1e-3)
    assert 0 <= evaluate_run(run, verbose=0, scales=(0.5, 1.0), flip=True)["miou_1"] <= 1
    _, model = load_run(run)
    assert isinstance(model, MaskClassification) and model.compute_dtype == "float32"
    Image.new("RGB", (33, 21), 90).save(tmp_path / "gray.png")
    assert main(["predict", str(run), str(tmp_path / "gray.png"), "--out", str(tmp_path / "out")]) == 0
    assert np.asarray(Image.open(tmp_path / "out" / "gray_level_1.png")).shape == (21, 33)
    assert main(["export", str(run), "--out", str(tmp_path / "1")]) == 0
    assert "level_3" in tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"].structured_outputs
