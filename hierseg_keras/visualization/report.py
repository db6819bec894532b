"""How well each class is told, level by level."""

import numpy as np
from matplotlib.figure import Figure

from hierseg_keras.tree import as_class_tree
from hierseg_keras.visualization.colours import node_colours

_BAR_HEIGHT = 0.24


def draw_report(tree, rows, path=None):
    """Draws every class's IoU as a bar, a panel a level, the best first.

    Args:
        tree: `ClassTree`, or its text.
        rows: List of dicts with `level`, `class` (a path of the tree), `iou` and `support`, as
            `metrics.TreeReport.rows` gives them. A class that neither occurs nor is predicted has
            no bar.
        path: Optional file to which the picture is saved.

    Returns:
        `matplotlib.figure.Figure`.

    Example:

    >>> report = hs.metrics.TreeReport(tree)
    >>> figure = hs.visualization.draw_report(tree, report.rows(), "report.png")
    """
    tree = as_class_tree(tree)
    colours = node_colours(tree) / 255.0
    counts = [sum(row["level"] == level for row in rows) for level in range(1, tree.num_levels + 1)]
    size = (4.4 * tree.num_levels, 0.9 + _BAR_HEIGHT * max(counts))
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    axes = figure.subplots(1, tree.num_levels, squeeze=False)[0]
    for level, axis in enumerate(axes, start=1):
        own = sorted((row for row in rows if row["level"] == level), key=lambda row: np.nan_to_num(row["iou"], nan=-1))
        nodes = [tree.index(row["class"]) for row in own]
        values = [np.nan_to_num(row["iou"]) for row in own]
        axis.barh(range(len(own)), values, color=colours[nodes])
        axis.set_yticks(range(len(own)), [tree.names[node] for node in nodes], fontsize=8)
        for place, (row, value) in enumerate(zip(own, values)):
            text = "absent" if np.isnan(row["iou"]) else f"{value:.2f}"
            axis.text(value + 0.01, place, text, va="center", fontsize=7)
        known = [row["iou"] for row in own if not np.isnan(row["iou"])]
        mean = f"mIoU {np.mean(known):.3f}" if known else "no pixels"
        axis.set(xlim=(0, 1.12), xlabel="IoU", title=f"level {level}: {mean}")
    if path is not None:
        figure.savefig(path)
    return figure
