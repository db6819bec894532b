"""Hierarchical precision, recall and F beside HiClass's, on a ragged tree; see `data/README.md`."""

import pathlib

import numpy as np
import pytest

from hierseg_keras.metrics import HierarchicalFScore
from hierseg_keras.tree import ClassTree


def test_hierarchical_f_score_is_hiclasss():
    answers = np.load(pathlib.Path(__file__).parent / "data" / "hiclass_5_0_8.npz")
    tree = ClassTree(answers["paths"].tolist())
    assert tree.num_leaves == 6 and len(answers["labels"]) == 3000
    # One image of 3,000 pixels.
    labels, leaves = (answers[name].reshape(1, 50, 60) for name in ("labels", "predicted"))
    metric = HierarchicalFScore(tree)
    metric.update_state(labels, np.eye(6, dtype="float32")[leaves])
    found = {name: float(value) for name, value in metric.result().items()}
    expected = {f"hierarchical_{name}": float(answers[name]) for name in ("precision", "recall", "f")}
    assert found == pytest.approx(expected, abs=1e-6)
