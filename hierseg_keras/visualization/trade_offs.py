"""How many classes each stage of a network can tell apart: HS3's figure 2."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator


def draw_trade_offs(trade_offs, sizes=None, path=None):
    """Draws each stage's mIoU by the number of clusters, and the sizes that are chosen.

    The dot is the final output on all classes; the line through it and the origin holds the points
    whose mIoU is as large for their number of classes; the ring on each curve is the size that is chosen.

    Args:
        trade_offs: Dict from a stage to its `clustering.TradeOff`, as `HS3.search` gives it.
        sizes: Optional dict from a stage to the size that is chosen. Defaults to each one's `size()`.
        path: Optional file to which the picture is saved.

    Returns:
        `matplotlib.figure.Figure`.

    Example:

    >>> figure = hs.visualization.draw_trade_offs(model.search(analysis), path="trade_offs.png")
    """
    figure = Figure(figsize=(5.6, 4), dpi=110, layout="constrained")
    axis = figure.subplots()
    for i, (stage, trade_off) in enumerate(trade_offs.items()):
        every = sorted(trade_off.mean_ious)
        axis.plot(every, [trade_off.mean_ious[size] for size in every], ".-", color=f"C{i}", label=stage)
        chosen = trade_off.size() if sizes is None else sizes[stage]
        axis.plot(chosen, trade_off.mean_ious[chosen], "o", color=f"C{i}", fillstyle="none", markersize=11)
    trade_off = next(iter(trade_offs.values()))
    axis.plot([0, trade_off.num_classes], [0, trade_off.reference], ":", color="grey", label="as much for its classes")
    axis.plot(trade_off.num_classes, trade_off.reference, "ko", label="final output")
    axis.set(xlabel="number of classes after clustering", ylabel="mIoU", xlim=(0, None), ylim=(0, 1))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
    if path is not None:
        figure.savefig(path)
    return figure
