"""A run of a network over a data set, as a report page shows it."""

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike


@dataclasses.dataclass
class ReportedRun:
    """A network's predictions on a data set, for `report_page`.

    `training.report_runs` makes these of the folders of runs.

    Args:
        name: Name of the run.
        report: `metrics.TreeReport` without any pixels yet. It knows the tree and what the scores mean, and counts the
            pixels, so that the values of the page are those of the metric.
        batches: Iterable of triples `(image, label, y_pred)`: colors in 0 .. 255, `(B, H, W, 3)`; node indices,
            `(B, H, W)`; and scores, `(B, H, W, V)` or `(B, H, W, L)`. It is read once.
        image_names: List with the name of each image. Defaults to `None`: images have numbers.
        data_set: String, what was predicted, such as `"street_blocks, validation"`. Defaults to no text.
        facts: Dict of further strings to show, such as `{"network": "UNet"}`. Defaults to none.
        log: CSV file with the run's training curves, as in `draw_curves`. Defaults to `None`: there are no curves.
        configuration: String. Runs of equal `configuration` differ only in their seed, and show how much that alone
            changes. Defaults to `None`: the run is of a configuration of its own.

    Example:

    >>> report = hs.metrics.TreeReport(tree, scores="nodes")
    >>> batches = ((image, label, model.predict_on_batch(image)) for image, label in val)
    >>> run = hs.visualization.ReportedRun("first", report, batches)
    """

    name: str
    report: Any
    batches: Iterable[tuple[ArrayLike, ArrayLike, ArrayLike]]
    image_names: Sequence[str] | None = None
    data_set: str = ""
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    log: str | os.PathLike | None = None
    configuration: str | None = None
