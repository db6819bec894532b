"""Cityscapes' own evaluator takes the files that `labelIds` writes, finds one per image, and reads the same classes."""

import shutil

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")
from hierseg_keras import models  # noqa: E402
from hierseg_keras.metrics import LevelMeanIoU  # noqa: E402
from hierseg_keras.prediction import predict_files  # noqa: E402
from tests.parity.cityscapes_evaluator_test import FOLDER, LEAF_OF_ID, TREE  # noqa: E402

REASON = "cityscapesscripts is not installed"


@pytest.fixture
def prediction(tmp_path):
    """Images in Cityscapes' folders, their ground truth, and the results of a network: `(model, images, out)`."""
    model = models.UNet(TREE, filters=2, num_stages=1)
    rng = np.random.default_rng(0)
    images = []
    for label in sorted(FOLDER.glob("*_gtFine_labelIds.png")):
        with Image.open(label) as image:
            size = image.size[::-1]
        pixels = rng.integers(0, 256, (*size, 3), np.uint8)
        images.append(tmp_path / "leftImg8bit" / "town" / label.name.replace("gtFine_labelIds", "leftImg8bit"))
        images[-1].parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(images[-1])
    result = predict_files(model, tmp_path / "leftImg8bit", tmp_path / "results", ids="labelIds")
    assert result.num_predicted == 6
    return model, images, tmp_path / "results"


def test_official_evaluator_accepts_the_files(prediction, tmp_path, monkeypatch):
    evaluator = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling", reason=REASON)
    # cityscapesscripts 2.3.0 uses a name that NumPy 2.4 no longer has.
    monkeypatch.setattr(np, "in1d", np.isin, raising=False)
    model, images, out = prediction
    truth = tmp_path / "gtFine"
    truth.mkdir()
    for path in FOLDER.glob("*_gtFine_*.png"):
        shutil.copy(path, truth)
    arguments = evaluator.args
    monkeypatch.setattr(arguments, "predictionPath", str(out))
    monkeypatch.setattr(arguments, "predictionWalk", None)
    monkeypatch.setattr(arguments, "JSONOutput", False)
    monkeypatch.setattr(arguments, "quiet", True)
    labels = [str(path) for path in sorted(truth.glob("*_gtFine_labelIds.png"))]
    # Ends the process if it finds no file, or several, for an image.
    predictions = [evaluator.getPrediction(arguments, label) for label in labels]
    official = evaluator.evaluateImgLists(predictions, labels, arguments)

    metric = LevelMeanIoU(TREE)
    for path, label in zip(images, labels):
        with Image.open(label) as image:
            y_true = LEAF_OF_ID[np.asarray(image)]
        with Image.open(path) as image:
            metric.update_state(y_true[None], model(np.asarray(image)[None], training=False))
    values = metric.result()
    assert float(values["miou_1"]) == pytest.approx(official["averageScoreClasses"], abs=1e-6)
    assert float(values["miou_2"]) == pytest.approx(official["averageScoreCategories"], abs=1e-6)


def test_there_is_one_file_per_image_and_its_name_begins_with_the_frame(prediction):
    _, images, out = prediction
    for image in images:
        frame = image.name.removesuffix("_leftImg8bit.png")
        (found,) = out.rglob(f"{frame}*.png")
        with Image.open(found) as labels:
            assert np.isin(np.asarray(labels), np.flatnonzero(LEAF_OF_ID < 255)).all()
