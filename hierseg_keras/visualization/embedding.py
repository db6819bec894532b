"""Pixel embeddings in the plane."""

import numpy as np
from matplotlib.figure import Figure

from hierseg_keras.tree import as_class_tree
from hierseg_keras.visualization.colours import node_colours


def draw_embedding(tree, embeddings, labels, path=None, title=""):
    """Draws pixel embeddings, normalised, along their two principal axes; a family has shades of one colour.

    Args:
        tree: `ClassTree`, or its text.
        embeddings: `(N, C)` float array, such as the outputs of the layer `embedding` at some pixels.
        labels: `(N,)` integer array, their nodes. Pixels of no node are left out.
        path: Optional file to which the picture is saved.
        title: Title of the picture.

    Returns:
        `matplotlib.figure.Figure`.

    Example:

    >>> figure = hs.visualization.draw_embedding(tree, np.random.normal(size=(9, 4)), np.arange(9))

    Reference:
        Figure 4 of [Li et al., CVPR 2022](https://arxiv.org/abs/2203.14335), which does not say by
        what the plane was found.
    """
    tree = as_class_tree(tree)
    embeddings, labels = np.asarray(embeddings, np.float64), np.asarray(labels)
    is_node = (labels >= 0) & (labels < tree.num_nodes)
    embeddings, labels = embeddings[is_node], labels[is_node]
    normalised = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    centred = normalised - normalised.mean(0)
    plane = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    figure = Figure(figsize=(5.4, 4.4), dpi=110, layout="constrained")
    axis = figure.subplots()
    colours = node_colours(tree) / 255.0
    for node in np.unique(labels):
        own = plane[labels == node]
        axis.scatter(own[:, 0], own[:, -1], s=5, alpha=0.5, linewidths=0, color=colours[node], label=tree.names[node])
    axis.set(title=title, xticks=[], yticks=[])
    figure.legend(loc="outside right upper", fontsize=7, markerscale=3, frameon=False)
    if path is not None:
        figure.savefig(path)
    return figure
