"""Pictures of training curves: mIoU by level and loss by depth, over epochs."""

import math
import os

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from hierseg_keras.visualization.picture import Picture
from hierseg_keras.visualization.training_log import LOSS, MIOU, TrainingLog

# The style of the lines.
_STYLES = {"training": "--", "validation": "-"}
_MOST_COLUMNS = 6


def draw_curves(log: str | os.PathLike, path: str | os.PathLike | None = None) -> Figure:
    """Draws the mIoU of each level and the loss of each depth over the epochs of a run.

    A level has the same color in both panels. Training curves are dashed, and validation curves are solid.

    Args:
        log: CSV file written by `keras.callbacks.CSVLogger`, with columns such as `miou_1`,
            `depth_loss_1`, `val_miou_1` and `val_depth_loss_1`. Cells that hold no number, such as the
            `NA` of an epoch without validation, are skipped.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the log has no epoch, or no column `epoch`.

    Reference:
        Figures 4 and 5 of [Muller & Smith, VISAPP 2020](https://doi.org/10.5220/0008946002600267).
    """
    log = TrainingLog("draw_curves", log)
    numbers = {name: log.numbers(name) for name in (MIOU, LOSS)}
    num_levels = max([0, *numbers[MIOU], *numbers[LOSS]])
    figure = Picture(10, 4)
    axes = figure.subplots(1, 2)
    axes[0].set(title="mIoU by level (level 1 is the finest)", ylabel="mIoU")
    axes[1].set(title="loss by depth (depth 1 is the coarsest)", ylabel="loss in nats")
    for axis, name, unit in ((axes[0], MIOU, "level"), (axes[1], LOSS, "depth")):
        for number in numbers[name]:
            # Level l is depth D - l + 1, and has the same color in both panels.
            level = number if unit == "level" else num_levels - number + 1
            _draw(axis, log, f"{name}_{number}", f"{unit} {number}", f"C{level - 1}")
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
    handles = [
        Line2D([], [], color=f"C{level - 1}", linewidth=3, label=f"level {level} (depth {num_levels - level + 1})")
        for level in range(1, num_levels + 1)
    ]
    handles += [Line2D([], [], color="0.3", linestyle=style, label=part) for part, style in _STYLES.items()]
    columns = min(len(handles), _MOST_COLUMNS)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=9, frameon=False)
    return figure.saved(path)


def _draw(axis, log, metric, title, color):
    for part, values in log.values(metric).items():
        # A line needs two successive values; dots also show single ones.
        marker = "." if sum(map(math.isfinite, values)) < 3 else ""
        axis.plot(log.epochs, values, _STYLES[part], color=color, label=f"{part} {title}", marker=marker)
