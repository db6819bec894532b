"""How well each class is told apart, level by level."""

import numpy as np

from hierseg_keras.tree import as_class_tree
from hierseg_keras.visualization.colors import node_colors
from hierseg_keras.visualization.inputs import check_keys
from hierseg_keras.visualization.names import total_height, widest, wrapped
from hierseg_keras.visualization.picture import Picture

# In inches, but for the font size.
_BAR_HEIGHT, _LINE_HEIGHT, _BARS_WIDTH, _WIDEST_NAME, _FONT_SIZE = 0.24, 0.14, 3.2, 3.2, 8


def draw_report(tree, rows, path=None):
    """Draws every class's IoU as a bar, one panel per level, the best first.

    Args:
        tree: `ClassTree`, or its text.
        rows: List of dicts with `level`, `class` (a path of the tree), `iou` and `support`, as
            `metrics.TreeReport.rows` gives them. A class that neither occurs nor is predicted has
            no bar.
        path: Optional file to which the picture is saved.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If a row lacks `level`, `class` or `iou`.
        TreeError: If a class is not in the tree.

    Example:

    >>> report = hs.metrics.TreeReport(tree)
    >>> figure = hs.visualization.draw_report(tree, report.rows(), "report.png")
    """
    tree = as_class_tree(tree)
    for row in rows:
        check_keys("draw_report", row, ("level", "class", "iou"))
    panels = [[row for row in rows if row["level"] == level] for level in range(1, tree.num_levels + 1)]
    panels = [sorted(panel, key=lambda row: np.nan_to_num(row["iou"], nan=-1)) for panel in panels]
    names = [[_name(tree, row) for row in panel] for panel in panels]
    widths = [_BARS_WIDTH + (widest(panel_names, _FONT_SIZE) if panel_names else 0) for panel_names in names]
    figure = Picture(
        sum(widths), 0.9 + max(total_height(panel_names, _BAR_HEIGHT, _LINE_HEIGHT) for panel_names in names)
    )
    axes = figure.subplots(1, tree.num_levels, squeeze=False, width_ratios=widths)[0]
    for level, (axis, panel, panel_names) in enumerate(zip(axes, panels, names), start=1):
        _draw_panel(tree, axis, level, panel, panel_names)
    return figure.saved(path)


def _name(tree, row):
    return wrapped(tree.names[tree.index(row["class"])], _FONT_SIZE, _WIDEST_NAME)


def _draw_panel(tree, axis, level, panel, names):
    colors = (node_colors(tree) / 255.0)[[tree.index(row["class"]) for row in panel]]
    # In inches from the lowest bar, whatever number of lines a name takes.
    heights = np.array([total_height([name], _BAR_HEIGHT, _LINE_HEIGHT) for name in names])
    places = np.cumsum(heights) - heights / 2
    axis.barh(places, [np.nan_to_num(row["iou"]) for row in panel], height=0.8 * _BAR_HEIGHT, color=colors)
    axis.set_yticks(places, names, fontsize=_FONT_SIZE)
    for place, row in zip(places, panel):
        text = "absent" if np.isnan(row["iou"]) else f"{row['iou']:.2f}"
        axis.text(np.nan_to_num(row["iou"]) + 0.01, place, text, va="center", fontsize=_FONT_SIZE - 1)
    known = [row["iou"] for row in panel if not np.isnan(row["iou"])]
    mean = f"mIoU {np.mean(known):.3f}" if known else "no pixels"
    axis.set(xlim=(0, 1.12), xlabel="IoU", title=f"level {level}: {mean}")
