"""Pictures of the effect of a confidence threshold."""

import os
from collections.abc import Mapping

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from hierseg_keras.visualization.inputs import check_keys
from hierseg_keras.visualization.picture import Picture

_KEYS = ("threshold", "accuracy", "answered", "depth")


def draw_confidence_curve(curve: Mapping[str, ArrayLike], path: str | os.PathLike | None = None) -> Figure:
    """Draws accuracy, share of labeled pixels and mean depth by the threshold of `confident_labels`.

    Args:
        curve: Dict of arrays, as returned by `metrics.ConfidenceCurve.curve`.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.

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
    shares.plot(curve["threshold"], curve["accuracy"], ".-", label="accuracy of answered pixels")
    shares.plot(curve["threshold"], curve["answered"], ".-", label="answered share of labeled pixels")
    shares.set(title="accuracy and share of answers", xlabel="threshold", ylabel="share of pixels", ylim=(0, 1.03))
    shares.legend(fontsize=8)
    depths.plot(curve["threshold"], curve["depth"], ".-", color="C2")
    depths.set(title="depth of answers", xlabel="threshold", ylabel="mean depth of answers, in edges")
    for axis in (shares, depths):
        axis.grid(alpha=0.3)
    return figure.saved(path)
