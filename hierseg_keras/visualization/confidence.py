"""What a confidence threshold costs and gains."""

from hierseg_keras.visualization.inputs import check_keys
from hierseg_keras.visualization.picture import Picture

_KEYS = ("threshold", "accuracy", "answered", "depth")


def draw_confidence_curve(curve, path=None):
    """Draws accuracy, share of answers and their depth against the threshold of `confident_labels`.

    Args:
        curve: Dict of arrays as `metrics.ConfidenceCurve.curve` gives it.
        path: Optional file to which the picture is saved.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `curve` lacks `threshold`, `accuracy`, `answered` or `depth`.

    Example:

    >>> metric = hs.metrics.ConfidenceCurve(tree)
    >>> figure = hs.visualization.draw_confidence_curve(metric.curve(), "confidence.png")
    """
    check_keys("draw_confidence_curve", curve, _KEYS)
    figure = Picture(9, 3.6)
    shares, depths = figure.subplots(1, 2)
    shares.plot(curve["threshold"], curve["threshold"], ":", color="gray", label="accuracy = threshold")
    shares.plot(curve["threshold"], curve["accuracy"], ".-", label="right, of those answered")
    shares.plot(curve["threshold"], curve["answered"], ".-", label="answered, of all labeled")
    shares.set(title="how right, and how many", xlabel="threshold", ylabel="share of pixels", ylim=(0, 1.03))
    shares.legend(fontsize=8)
    depths.plot(curve["threshold"], curve["depth"], ".-", color="C2")
    depths.set(title="how exact", xlabel="threshold", ylabel="mean depth of the answers, in edges")
    for axis in (shares, depths):
        axis.grid(alpha=0.3)
    return figure.saved(path)
