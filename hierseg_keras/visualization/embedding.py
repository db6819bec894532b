"""Pictures of pixel embeddings in two dimensions."""

import os

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.visualization.colors import node_colors
from hierseg_keras.visualization.inputs import as_labels, check_some
from hierseg_keras.visualization.legend import Legend, node_entries
from hierseg_keras.visualization.names import total_height, wrapped
from hierseg_keras.visualization.palettes import Palette
from hierseg_keras.visualization.picture import Picture

# Lengths in inches, and the font size in points.
_SIDE, _MARGIN, _TITLE_ROW, _TITLE_LINE, _TITLE_SIZE = 4.4, 0.12, 0.3, 0.19, 11
_LEGEND_WIDTHS, _MOST_STRETCHED = (1.8, 3.0, 4.5, 6.0, 9.0, 12.0), 1.6


def draw_embedding(
    tree: ClassTree | str,
    embeddings: ArrayLike,
    labels: ArrayLike,
    path: str | os.PathLike | None = None,
    title: str = "",
    palette: Palette = None,
) -> Figure:
    """Draws pixel embeddings along their two principal axes, in the colors of their classes.

    Each embedding is first scaled to length 1.

    Args:
        tree: `ClassTree`, or its text.
        embeddings: `(N, C)` float array, such as the output of the layer `embedding` at `N` pixels.
        labels: `(N,)` integer array, the node of each pixel. Pixels without a label are skipped.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.
        title: Title of the picture. Defaults to no title.
        palette: Colors of the nodes, as in `node_colors`. Defaults to the official palette of the
            tree's data set, or otherwise the generated one.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `embeddings` is not a finite array of shape `(N, C)`, `labels` is not an
            integer array of shape `(N,)`, no label is a node, or `palette` is invalid for
            `node_colors`.

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
    nodes, colors = np.unique(labels), node_colors(tree, palette)
    legend = _legend(node_entries(tree, colors, nodes))
    title = wrapped(title, _TITLE_SIZE, _SIDE)
    top = _MARGIN + (total_height([title], _TITLE_ROW, _TITLE_LINE) if title else 0)
    side = max(_SIDE, legend.height)
    figure = Picture(side + legend.width + 3 * _MARGIN, top + side + _MARGIN, layout=None)
    axis = figure.place(_MARGIN, top, side, side)
    # Drawn in random order, so that no class covers the others.
    order = np.random.default_rng(0).permutation(len(labels))
    axis.scatter(plane[order, 0], plane[order, -1], s=14, alpha=0.8, linewidths=0, color=colors[labels[order]] / 255.0)
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set_color("0.7")
    figure.write(_MARGIN + side / 2, (_MARGIN + top) / 2, title, _TITLE_SIZE, ha="center")
    legend.draw(figure, side + 2 * _MARGIN, top)
    return figure.saved(path)


def _legend(entries):
    """Returns the narrowest legend that is about as high as the plot, or the widest of those tried."""
    for width in _LEGEND_WIDTHS:
        legend = Legend(entries, width)
        if legend.height <= _MOST_STRETCHED * _SIDE:
            break
    return legend


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
