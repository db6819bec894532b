"""Pictures of training curves: mIoU by level and loss by depth, over epochs."""

import math
import os
from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from hierseg_keras.visualization.names import name_legend, widest, wrapped
from hierseg_keras.visualization.picture import Picture
from hierseg_keras.visualization.training_log import LOSS, MIOU, TrainingLog

# The style of the lines.
_STYLES = {"training": "--", "validation": "-"}
# Of several runs, in their order.
_RUN_STYLES = ("-", "--", ":", "-.", (0, (8, 2)), (0, (1, 3)), (0, (6, 2, 1, 2, 1, 2)))
# Lengths in inches, and the font size in points.
_WIDTH, _HEIGHT, _ENTRY_WIDTH, _WIDEST_NAME, _FONT_SIZE = 10.0, 4.0, 0.6, 2.4, 9


def draw_curves(
    log: str | os.PathLike | Mapping[str, str | os.PathLike], path: str | os.PathLike | None = None
) -> Figure:
    """Draws the mIoU of each level and the loss of each depth over the epochs of one or several runs.

    A level has the same color in both panels. Of one run, training curves are dashed, and validation curves are solid.
    Several runs are overlaid, with one style of lines per run; their curves are those of the validation, or of the
    training where a log has no validation.

    Args:
        log: CSV file written by `keras.callbacks.CSVLogger`, with columns such as `miou_1`,
            `depth_loss_1`, `val_miou_1` and `val_depth_loss_1`. Cells that hold no number, such as the
            `NA` of an epoch without validation, are skipped. Or the folder of a run, which contains such a file. Or
            a dict from the names of runs to such files or folders.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a log has no epoch, or no column `epoch`, the dict is empty, or it has more than seven logs.

    Reference:
        Figures 4 and 5 of [Muller & Smith, VISAPP 2020](https://doi.org/10.5220/0008946002600267), which overlay two
        runs: `draw_curves({"U-Net": "flat/log.csv", "U-Net+HL": "hl/log.csv"})`.
    """
    several = isinstance(log, Mapping)
    if several and not log:
        raise ValueError("`draw_curves` expects at least one log. Received: log={}.")
    logs = {name: TrainingLog("draw_curves", one) for name, one in (log if several else {"": log}).items()}
    if len(logs) > len(_RUN_STYLES):
        raise ValueError(
            f"`draw_curves` expects at most {len(_RUN_STYLES)} logs, whose lines can be told apart. Received: "
            f"{len(logs)}."
        )
    numbers = {kind: sorted({n for one in logs.values() for n in one.numbers(kind)}) for kind in (MIOU, LOSS)}
    num_levels = {name: max([0, *one.numbers(MIOU), *one.numbers(LOSS)]) for name, one in logs.items()}
    styles = dict(zip(logs, _RUN_STYLES)) if several else _STYLES
    figure = Picture(_WIDTH, _HEIGHT)
    axes = figure.subplots(1, 2)
    axes[0].set(title="mIoU by level (level 1 is the finest)", ylabel="mIoU")
    axes[1].set(title="loss by depth (depth 1 is the coarsest)", ylabel="loss in nats")
    for axis, kind, unit in ((axes[0], MIOU, "level"), (axes[1], LOSS, "depth")):
        for number in numbers[kind]:
            for name, one in logs.items():
                # Level l is depth D - l + 1, and has the same color in both panels.
                level = number if unit == "level" else num_levels[name] - number + 1
                for part, values in _shown(one.values(f"{kind}_{number}"), several):
                    label, style = (name, styles[name]) if several else (part, styles[part])
                    _draw(axis, one.epochs, values, style, f"{label} {unit} {number}", f"C{level - 1}")
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
    handles = [
        Line2D([], [], color=f"C{level - 1}", linewidth=3, label=_level_name(level, set(num_levels.values())))
        for level in range(1, max(num_levels.values()) + 1)
    ]
    handles += [Line2D([], [], color="0.3", linestyle=style, label=label) for label, style in styles.items()]
    names = [wrapped(handle.get_label(), _FONT_SIZE, _WIDEST_NAME) for handle in handles]
    columns = max(1, min(len(names), int(_WIDTH / (widest(names, _FONT_SIZE) + _ENTRY_WIDTH))))
    name_legend(figure, handles, names, loc="outside lower center", ncols=columns, fontsize=_FONT_SIZE, frameon=False)
    return figure.saved(path)


def _level_name(level, num_levels):
    """Returns the name of a level in the legend, with its depth if all trees have the same number of levels."""
    return f"level {level} (depth {max(num_levels) - level + 1})" if len(num_levels) == 1 else f"level {level}"


def _shown(values, several):
    """Returns the pairs of a part and its values that are drawn: of several runs, one part each."""
    parts = list(values.items())
    return parts[-1:] if several else parts


def _draw(axis, epochs, values, style, label, color):
    # Epochs without validation have no value. The line passes over them.
    known = [(epoch, value) for epoch, value in zip(epochs, values) if math.isfinite(value)]
    # A line needs two values; dots also show single ones.
    axis.plot(*zip(*known), linestyle=style, color=color, label=label, marker="." if len(known) < 3 else "")
