"""Counts the pixels of a run's images, for the whole data set and for each image."""

import dataclasses

import numpy as np
from keras import ops

from hierseg_keras.decoding.best_path import best_leaf
from hierseg_keras.tree.scores import Scores
from hierseg_keras.visualization.page.grid import unpadded_shape
from hierseg_keras.visualization.page.node_scores import node_scores

_NO_LABEL = -1
# Of the values of one image.
_DECIMALS = 4


@dataclasses.dataclass(frozen=True)
class CountedImage:
    """An image whose pixels are counted.

    Attributes:
        image: Float array `(H, W, C)`.
        label: Integer array `(H, W)`, node indices, or -1 where there is no label.
        y_pred: Float tensor `(H, W, C)`.
        leaf: Integer array `(H, W)`, the decoded leaves.
        scores: `Scores` that describes `y_pred`.
        summary: Dict of JSON values: `severity`; `wrong`, the wrong share of the labeled pixels at each level, from 1;
            and `iou`, by node, of the nodes that occur or are predicted. A value is `None` if no pixel is labeled, and
            all are if a score of a labeled pixel is not finite.
    """

    image: np.ndarray
    label: np.ndarray
    y_pred: object
    leaf: np.ndarray
    scores: Scores
    summary: dict


def counted_images(run, wanted):
    """Counts the pixels of a run in its `report`, and yields a `CountedImage` or `None` per image.

    The images of a batch come when all of them are counted. Padding is removed from them.

    Args:
        run: `ReportedRun`.
        wanted: Container of the positions of the images to yield. `None` stands for the others.
    """
    report = run.report
    # Counts one image at a time, with the metric's own rules.
    single, count = type(report).from_config(report.get_config()), 0
    for images, labels, predictions in run.batches:
        y_pred, label, is_counted = report.read(labels, predictions)
        scores = report.meaning(y_pred)
        leaf = best_leaf(scores, y_pred)
        report.confusion.update(label, leaf, is_counted)
        counted, leaves = ops.convert_to_numpy(is_counted), ops.convert_to_numpy(leaf)
        known = np.where(counted, ops.convert_to_numpy(label), _NO_LABEL)
        for i, image in enumerate(np.asarray(images)):
            count += 1
            if count - 1 not in wanted:
                yield None
                continue
            single.reset_state()
            # Records whether scores are not finite.
            single.read(labels[i : i + 1], predictions[i : i + 1])
            single.confusion.update(label[i : i + 1], leaf[i : i + 1], is_counted[i : i + 1])
            height, width = unpadded_shape(image, counted[i])
            inside = slice(height), slice(width)
            arrays = image[inside], known[i][inside], y_pred[i, :height, :width], leaves[i][inside]
            yield CountedImage(*arrays, scores, _summary(single))


def _summary(report):
    """Returns the `summary` of a `CountedImage`, from a report of its pixels alone."""
    if report.is_invalid():
        return {"severity": None, "wrong": [None for _ in _levels(report)], "iou": {}}
    values = {name: float(value) for name, value in report.result().items()}
    rows = report.rows()
    labeled = [sum(row["support"] for row in rows if row["level"] == level) for level in _levels(report)]
    right = [values[f"accuracy_{level}"] if count else None for level, count in zip(_levels(report), labeled)]
    ious = {node: round(iou, _DECIMALS) for node, iou in enumerate(node_scores(report, rows)["iou"]) if iou is not None}
    return {
        "severity": round(values["mistake_severity"], _DECIMALS) if any(labeled) else None,
        "wrong": [None if share is None else round(1 - share, _DECIMALS) for share in right],
        "iou": ious,
    }


def _levels(report):
    return report.confusion.levels
