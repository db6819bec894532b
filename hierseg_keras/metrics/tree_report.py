"""All metrics of predicted paths in one metric, and a report per class and level."""

import csv
import os
import pathlib

import keras
import numpy as np

from hierseg_keras.messages.text_table import text_table
from hierseg_keras.metrics.hierarchical_f_score import hierarchical_scores
from hierseg_keras.metrics.level_accuracy import level_accuracies
from hierseg_keras.metrics.level_mean_iou import level_mean_ious
from hierseg_keras.metrics.mistake_severity import mistake_severity
from hierseg_keras.metrics.path_metric import PathMetric

COLUMNS = ("level", "class", "iou", "precision", "recall", "support")


@keras.saving.register_keras_serializable("hierseg_keras")
class TreeReport(PathMetric):
    """Computes `LevelMeanIoU`, `LevelAccuracy`, `MistakeSeverity` and `HierarchicalFScore` in one metric.

    They share one decoding and one confusion matrix, so that computing all of them takes no longer than
    computing one.

    Args:
        tree, scores, from_logits, ignore_class, dtype: As in `LevelMeanIoU`.
        name: Prefix for every value's name. Defaults to no prefix.

    Attributes:
        confusion: The confusion matrix. `confusion.exact_counts()` returns it as an int64 NumPy array, `(V, L)`: one
            row per label, which may be any node, and one column per predicted leaf.

    Call arguments:
        y_true, y_pred, sample_weight: As in `LevelMeanIoU`.

    Returns:
        `result()` is a flat dict of scalars: `miou_1` .. `miou_mean`, `accuracy_1` ..
        `accuracy_mean`, `mistake_severity`, `hierarchical_precision`, `hierarchical_recall` and
        `hierarchical_f`. NaN as in `LevelMeanIoU`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> report = hs.metrics.TreeReport(tree)
    >>> report.update_state(np.array([[[0, 0, 1, 2]]]), np.eye(3)[[[[0, 1, 1, 0]]]])
    >>> float(report.result()["mistake_severity"])
    1.5
    >>> print(report.to_text())
    level  class                IoU  precision  recall  pixels
        1  human/person       0.333      0.500   0.500       2
        1  human/rider        0.500      0.500   1.000       1
        1  sky                0.000          -   0.000       1
        2  sky                0.000          -   0.000       1
        2  human              0.750      0.750   1.000       3
    """

    default_name = ""

    def values(self):
        named = {
            "miou": level_mean_ious(self.confusion),
            "accuracy": level_accuracies(self.confusion),
            "hierarchical": hierarchical_scores(self.confusion),
        }
        values = {f"{name}_{key}": value for name, values in named.items() for key, value in values.items()}
        return {**values, "mistake_severity": mistake_severity(self.confusion)}

    def rows(self) -> list[dict]:
        """Returns the IoU, precision and recall of each class at each level.

        Returns:
            List of dicts, one per level and class, with the keys `level`; `class`, the path of the class;
            `iou`, `precision` and `recall`, floats that are NaN if their denominator is 0, or `result()` is NaN;
            and `support`, the number of labeled pixels.
        """
        rows, is_valid = [], not self.is_invalid()
        for level in self.confusion.levels:
            right, labeled, predicted = self.confusion.exact_level_counts(level)
            shares = (_shares(right, is_valid * count) for count in (labeled + predicted - right, predicted, labeled))
            paths = (self.tree.paths[node] for node in self.tree.level_classes(level))
            for values in zip(paths, *shares, labeled.tolist()):
                rows.append(dict(zip(COLUMNS, (level, *values))))
        return rows

    def to_text(self) -> str:
        """Returns the rows as a text table."""
        lines = [("level", "class", "IoU", "precision", "recall", "pixels")]
        for row in self.rows():
            shares = (_as_text(row[key]) for key in ("iou", "precision", "recall"))
            lines.append((str(row["level"]), row["class"], *shares, str(row["support"])))
        return "\n".join(text_table(lines, "rlrrrr"))

    def to_csv(self, path: str | os.PathLike) -> None:
        """Writes the rows to a CSV file. Values that are NaN become empty fields."""
        with pathlib.Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for row in self.rows():
                writer.writerow({key: "" if value != value else value for key, value in row.items()})


def _shares(part, whole):
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0).tolist()


def _as_text(value):
    return "-" if value != value else f"{value:.3f}"
