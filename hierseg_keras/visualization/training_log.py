"""Reads the log of a training: one row per epoch, with metrics by level and losses by depth."""

import csv
import math
import os
import pathlib
import re

from hierseg_keras.visualization.inputs import check_keys

MIOU, LOSS = "miou", "depth_loss"
# Name and prefix of the columns.
PARTS = (("training", ""), ("validation", "val_"))


class TrainingLog:
    """The log of a training.

    Args:
        function: Name of the function that errors mention.
        path: CSV file written by `keras.callbacks.CSVLogger`, or the folder of a run, whose `log.csv` is read.

    Attributes:
        epochs: List of floats, numbers of the epochs from 1.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the log has no epoch, or no column `epoch`.
    """

    def __init__(self, function: str, path: str | os.PathLike):
        path = pathlib.Path(path)
        with (path / "log.csv" if path.is_dir() else path).open(newline="", encoding="utf-8") as file:
            self._rows = list(csv.DictReader(file))
        if not self._rows:
            raise ValueError(f"`{function}` expects a log with at least one epoch. Received: {path}, which has none.")
        check_keys(function, self._rows[0], ("epoch",))
        self.epochs = [number + 1 for number in self._column("epoch")]

    def numbers(self, name):
        """Returns the levels or depths of a metric's columns in ascending order, such as 1 and 2 of `miou_1`."""
        columns = [re.fullmatch(rf"(?:val_)?{name}_(\d+)", key or "") for key in self._rows[0]]
        return sorted({int(column[1]) for column in columns if column})

    def values(self, metric):
        """Returns a dict from "training" and "validation" to the metric's values, NaN where a cell has no number."""
        return {
            part: self._column(f"{prefix}{metric}") for part, prefix in PARTS if f"{prefix}{metric}" in self._rows[0]
        }

    def _column(self, name):
        return [_number(row[name]) for row in self._rows]


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan
