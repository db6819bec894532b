"""How many classes each stage of a network can tell apart: HS3's figure 2."""

from matplotlib.ticker import MaxNLocator

from hierseg_keras.visualization.inputs import check_keys, check_some
from hierseg_keras.visualization.names import name_legend, total_height, widest, wrapped
from hierseg_keras.visualization.picture import Picture

# In inches, but for the font size.
_WIDTH, _HEIGHT, _ENTRY_WIDTH, _ROW, _LINE, _WIDEST_NAME, _FONT_SIZE = 5.0, 4.0, 0.7, 0.2, 0.14, 2.4, 8


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

    Raises:
        ValueError: If there is no stage, `sizes` lacks one, or a chosen size is on no curve.

    Example:

    >>> counts = np.array([[60, 40, 0, 5], [45, 50, 5, 0], [0, 5, 70, 25], [5, 0, 30, 60]])
    >>> found = {"stage2": hs.clustering.trade_off(counts, counts + 50 * np.eye(4))}
    >>> figure = hs.visualization.draw_trade_offs(found, path="trade_offs.png")
    """
    check_some("draw_trade_offs", "trade_offs", trade_offs, "stage")
    sizes = {stage: trade_off.size() for stage, trade_off in trade_offs.items()} if sizes is None else sizes
    check_keys("draw_trade_offs", sizes, list(trade_offs))
    names = [*map(str, trade_offs), "as much for its classes", "final output"]
    names = [wrapped(name, _FONT_SIZE, _WIDEST_NAME) for name in names]
    height = max(_HEIGHT, 2 * _ROW + total_height(names, _ROW, _LINE))
    figure = Picture(_WIDTH + _ENTRY_WIDTH + widest(names, _FONT_SIZE), height)
    axis = figure.subplots()
    lines = []
    for i, (stage, trade_off) in enumerate(trade_offs.items()):
        every, chosen = sorted(trade_off.mean_ious), sizes[stage]
        if chosen not in trade_off.mean_ious:
            raise ValueError(f"`draw_trade_offs` expects a size of {every}. Received: sizes[{stage!r}]={chosen!r}.")
        lines += axis.plot(every, [trade_off.mean_ious[size] for size in every], ".-", color=f"C{i}")
        axis.plot(chosen, trade_off.mean_ious[chosen], "o", color=f"C{i}", fillstyle="none", markersize=11)
    trade_off = next(iter(trade_offs.values()))
    lines += axis.plot([0, trade_off.num_classes], [0, trade_off.reference], ":", color="gray")
    lines += axis.plot(trade_off.num_classes, trade_off.reference, "ko")
    axis.set(xlabel="number of classes after clustering", ylabel="mIoU", xlim=(0, None), ylim=(0, 1))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    name_legend(figure, lines, names, loc="outside right upper", fontsize=_FONT_SIZE, frameon=False)
    axis.grid(alpha=0.3)
    return figure.saved(path)
