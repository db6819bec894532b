"""Pictures of each stage's mIoU by its number of clusters, as in HS3's figure 2."""

import os
from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hierseg_keras.clustering import TradeOff
from hierseg_keras.visualization.inputs import check_keys, check_some
from hierseg_keras.visualization.names import name_legend, total_height, widest, wrapped
from hierseg_keras.visualization.picture import Picture

# Lengths in inches, and the font size in points.
_WIDTH, _HEIGHT, _ENTRY_WIDTH, _ROW, _LINE, _WIDEST_NAME, _FONT_SIZE = 5.0, 4.0, 0.7, 0.2, 0.14, 2.4, 8


def draw_trade_offs(
    trade_offs: Mapping[str, TradeOff],
    sizes: Mapping[str, int] | None = None,
    path: str | os.PathLike | None = None,
) -> Figure:
    """Draws each stage's mIoU by the number of clusters, and marks the chosen numbers of clusters.

    The black dot is the final output on all classes. The dotted line joins it to the origin: on this
    line the mIoU per class equals that of the final output. A ring on each curve marks the chosen
    number of clusters.

    Args:
        trade_offs: Dict from a stage to its `clustering.TradeOff`, as returned by `HS3.search`.
        sizes: Dict from a stage to its chosen number of clusters. Defaults to `trade_off.size()` of
            each stage.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no stage, `sizes` lacks a stage, or a chosen number of clusters is not
            among the stage's `mean_ious`.

    Example:

    >>> counts = np.array([[60, 40, 0, 5], [45, 50, 5, 0], [0, 5, 70, 25], [5, 0, 30, 60]])
    >>> found = {"stage2": hs.clustering.trade_off(counts, counts + 50 * np.eye(4))}
    >>> figure = hs.visualization.draw_trade_offs(found, path="trade_offs.png")
    """
    check_some("draw_trade_offs", "trade_offs", trade_offs, "stage")
    sizes = {stage: trade_off.size() for stage, trade_off in trade_offs.items()} if sizes is None else sizes
    check_keys("draw_trade_offs", sizes, list(trade_offs))
    names = [*map(str, trade_offs), "same mIoU per class", "final output"]
    names = [wrapped(name, _FONT_SIZE, _WIDEST_NAME) for name in names]
    height = max(_HEIGHT, 2 * _ROW + total_height(names, _ROW, _LINE))
    figure = Picture(_WIDTH + _ENTRY_WIDTH + widest(names, _FONT_SIZE), height)
    axis = figure.subplots()
    lines = []
    for i, (stage, trade_off) in enumerate(trade_offs.items()):
        known, chosen = sorted(trade_off.mean_ious), sizes[stage]
        if chosen not in trade_off.mean_ious:
            raise ValueError(
                f"`draw_trade_offs` expects a number of clusters among {known}. Received: sizes[{stage!r}]={chosen!r}."
            )
        lines += axis.plot(known, [trade_off.mean_ious[size] for size in known], ".-", color=f"C{i}")
        axis.plot(chosen, trade_off.mean_ious[chosen], "o", color=f"C{i}", fillstyle="none", markersize=11)
    trade_off = next(iter(trade_offs.values()))
    lines += axis.plot([0, trade_off.num_classes], [0, trade_off.reference], ":", color="gray")
    lines += axis.plot(trade_off.num_classes, trade_off.reference, "ko")
    axis.set(xlabel="number of classes after clustering", ylabel="mIoU", xlim=(0, None), ylim=(0, 1))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    name_legend(figure, lines, names, loc="outside right upper", fontsize=_FONT_SIZE, frameon=False)
    axis.grid(alpha=0.3)
    return figure.saved(path)
