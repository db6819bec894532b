"""Pictures of pixel embeddings in two dimensions."""

import math
import os

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.visualization.colors import node_colors
from hierseg_keras.visualization.inputs import as_labels, check_some
from hierseg_keras.visualization.names import name_legend, tallest_column, total_height, widest, wrapped
from hierseg_keras.visualization.picture import Picture

# Lengths in inches, and font sizes in points.
_SIDE, _TALLEST_LEGEND, _ENTRY_WIDTH, _ROW, _LINE, _WIDEST_NAME = 4.4, 6.0, 0.5, 0.17, 0.13, 2.4
_FONT_SIZE, _TITLE_SIZE = 7, 12


def draw_embedding(
    tree: ClassTree | str,
    embeddings: ArrayLike,
    labels: ArrayLike,
    path: str | os.PathLike | None = None,
    title: str = "",
) -> Figure:
    """Draws pixel embeddings along their two principal axes, in the colors of `node_colors`.

    Each embedding is first scaled to length 1.

    Args:
        tree: `ClassTree`, or its text.
        embeddings: `(N, C)` float array, such as the output of the layer `embedding` at `N` pixels.
        labels: `(N,)` integer array, the node of each pixel. Pixels without a label are skipped.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.
        title: Title of the picture. Defaults to no title.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `embeddings` is not a finite array of shape `(N, C)`, `labels` is not an
            integer array of shape `(N,)`, or no label is a node.

    Example:

    >>> figure = hs.visualization.draw_embedding(tree, np.random.normal(size=(9, 4)), np.arange(9) % 3)

    Reference:
        Figure 4 of [Li et al., CVPR 2022](https://arxiv.org/abs/2203.14335). The paper does not name
        its method of projection.
    """
    tree = as_class_tree(tree)
    embeddings, labels = _checked(tree, embeddings, labels)
    normalized = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    centered = normalized - normalized.mean(0)
    plane = centered @ np.linalg.svd(centered, full_matrices=False)[2][:2].T
    nodes, colors = np.unique(labels), node_colors(tree) / 255.0
    names = [wrapped(tree.names[node], _FONT_SIZE, _WIDEST_NAME) for node in nodes]
    columns = math.ceil(total_height(names, _ROW, _LINE) / _TALLEST_LEGEND)
    height = max(_SIDE, 2 * _ROW + tallest_column(names, columns, _ROW, _LINE))
    figure = Picture(_SIDE + columns * (_ENTRY_WIDTH + widest(names, _FONT_SIZE)), height)
    axis = figure.subplots()
    for node in nodes:
        points = plane[labels == node]
        axis.scatter(points[:, 0], points[:, -1], s=5, alpha=0.5, linewidths=0, color=colors[node])
    axis.set(xticks=[], yticks=[])
    axis.set_title(wrapped(title, _TITLE_SIZE, 0.9 * _SIDE), fontsize=_TITLE_SIZE)
    dots = [Line2D([], [], marker="o", linestyle="", markersize=5, color=colors[node]) for node in nodes]
    options = {"ncols": columns, "fontsize": _FONT_SIZE, "frameon": False, "handlelength": 1}
    name_legend(figure, dots, names, loc="outside right upper", **options)
    return figure.saved(path)


def _checked(tree, embeddings, labels):
    embeddings = np.asarray(embeddings, np.float64)
    if embeddings.ndim != 2 or not np.isfinite(embeddings).all():
        raise ValueError(
            f"`draw_embedding` expects finite embeddings, one per pixel, (N, C). Received: shape {embeddings.shape}"
            f"{', with NaN or infinity' if not np.isfinite(embeddings).all() else ''}."
        )
    labels = as_labels("draw_embedding", labels, tree.num_nodes)
    if labels.shape != embeddings.shape[:1]:
        raise ValueError(
            f"`draw_embedding` expects one label per embedding, {embeddings.shape[:1]}. Received: shape {labels.shape}."
        )
    is_node = (labels >= 0) & (labels < tree.num_nodes)
    check_some("draw_embedding", "labels", labels[is_node].tolist(), "pixel of a node")
    return embeddings[is_node], labels[is_node]
