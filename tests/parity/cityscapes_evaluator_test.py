"""mIoU and iIoU beside Cityscapes' own evaluator, from the files that it reads; see `data/README.md`."""

import json
import pathlib

import numpy as np
import PIL.Image
import pytest

from hierseg_keras.metrics import InstanceMeanIoU, LevelMeanIoU
from hierseg_keras.tree import ClassTree

FOLDER = pathlib.Path(__file__).parent / "data" / "cityscapes_evaluator"
TREE = ClassTree.load("cityscapes")
# Cityscapes' label ids in the order of its train ids, which is that of our leaves.
LABEL_IDS = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
LEAF_OF_ID = np.full(256, 255)
LEAF_OF_ID[LABEL_IDS] = range(TREE.num_leaves)


@pytest.fixture(scope="module")
def metrics():
    """Both metrics, updated with all images."""
    level, instance = LevelMeanIoU(TREE), InstanceMeanIoU(TREE)
    paths = sorted(FOLDER.glob("*_pred.png"))
    assert len(paths) == 6
    for path in paths:
        prediction, labels = read(path), read(path, "_gtFine_labelIds.png")
        instances = read(path, "_gtFine_instanceIds.png")
        y_pred = np.eye(TREE.num_leaves, dtype="float32")[LEAF_OF_ID[prediction]]
        label = LEAF_OF_ID[labels]
        level.update_state(label[None], y_pred[None])
        instance.update_state(label[None], y_pred[None], np.where(instances < 1000, 0, instances)[None])
    return level, instance


@pytest.fixture(scope="module")
def official():
    return json.loads((FOLDER / "official.json").read_text("utf-8"))


def read(path, ending="_pred.png"):
    with PIL.Image.open(path.with_name(path.name.replace("_pred.png", ending))) as image:
        return np.array(image)


class CityscapesEvaluatorTest:
    def test_class_and_category_iou(self, metrics, official):
        values = metrics[0].result()
        assert float(values["miou_1"]) == pytest.approx(official["averageScoreClasses"], abs=1e-6)
        assert float(values["miou_1"]) == pytest.approx(0.3311347, abs=1e-6)
        assert float(values["miou_2"]) == pytest.approx(official["averageScoreCategories"], abs=1e-6)
        assert float(values["miou_2"]) == pytest.approx(0.3933767, abs=1e-6)

    @pytest.mark.parametrize("level, name", [(1, "classScores"), (2, "categoryScores")])
    def test_each_iou(self, metrics, official, level, name):
        of_nodes = metrics[0].per_class(level)
        found = {path.split("/")[-1]: values["iou"] for path, values in of_nodes.items()}
        expected = {key: score for key, score in official[name].items() if np.isfinite(score)}
        assert len(found) == (19, 7)[level - 1]
        assert found == pytest.approx(expected, abs=1e-9)

    def test_class_and_category_iiou(self, metrics, official):
        values = metrics[1].result()
        assert float(values["iiou_1"]) == pytest.approx(official["averageScoreInstClasses"], abs=1e-6)
        assert float(values["iiou_1"]) == pytest.approx(0.5681543, abs=1e-6)
        assert float(values["iiou_2"]) == pytest.approx(official["averageScoreInstCategories"], abs=1e-6)
        assert float(values["iiou_2"]) == pytest.approx(0.6736946, abs=1e-6)
