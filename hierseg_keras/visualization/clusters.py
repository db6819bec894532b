"""Pictures of an image with a map of each stage's clusters of classes."""

import os
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.visualization.colors import UNLABELED, node_colors
from hierseg_keras.visualization.inputs import as_labels, as_pixels, check_some
from hierseg_keras.visualization.levels import TITLE_SIZE, show_picture, title_height
from hierseg_keras.visualization.names import name_legend, total_height, wrapped
from hierseg_keras.visualization.picture import Picture

# Lengths in inches, the font size in points, and the number of names shown per cluster.
_CELL_WIDTH, _WIDEST, _ROW, _LINE, _LEGEND_SIZE, _SHOWN_NAMES = 3.4, 2.8, 0.17, 0.13, 7, 3


def draw_clusters(
    tree: ClassTree | str,
    image: ArrayLike,
    maps: Mapping[str, ArrayLike],
    clusters: Mapping[str, ArrayLike],
    path: str | os.PathLike | None = None,
) -> Figure:
    """Draws an image next to maps of clusters of classes, each with its own legend.

    The color of a cluster is the mean of its classes' colors in `node_colors`, so that the maps can be
    compared with a map of the classes.

    Args:
        tree: `ClassTree` whose leaves are clustered, or its text.
        image: `(H, W, 3)` array of colors in 0 .. 255.
        maps: Dict from a title to an `(H, W)` integer array of clusters, such as `HS3.predict_stages`
            returns. Pixels whose number is not a cluster are black.
        clusters: Dict from a title to the cluster of each leaf, `(L,)` integers from 0. A map whose
            title is not in the dict shows the leaves.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `maps` is empty, the image or a map is invalid for `draw_levels`, or a
            clustering does not hold one integer per leaf with every number from 0 to the largest.

    Example:

    >>> network = hs.models.HRNet(tree, width=4, num_modules=(1, 1, 1), num_blocks=1)
    >>> model = hs.models.HS3(network, stages=("stage2", "stage3"), clusters=[2, 2])
    >>> maps = {stage: found[0] for stage, found in model.predict_stages(images).items()}
    >>> figure = hs.visualization.draw_clusters(tree, images[0], maps, model.clusters, "stages.png")
    """
    tree = as_class_tree(tree)
    pixels = as_pixels("draw_clusters", image)
    check_some("draw_clusters", "maps", maps, "map")
    assignments = {title: _checked_assignment(tree, title, clusters) for title in maps}
    names = {title: _cluster_names(tree, assignment) for title, assignment in assignments.items()}
    titles = [
        wrapped(f"{title} ({len(cluster_names)} of {tree.num_leaves} classes)", TITLE_SIZE, _WIDEST)
        for title, cluster_names in names.items()
    ]
    cell_height = _CELL_WIDTH * pixels.shape[0] / pixels.shape[1] + title_height(titles)
    legend_height = _ROW + max(total_height(cluster_names, _ROW, _LINE) for cluster_names in names.values())
    figure = Picture(_CELL_WIDTH * (1 + len(maps)), cell_height + legend_height)
    axes = figure.subplots(2, 1 + len(maps), squeeze=False, height_ratios=[cell_height, legend_height])
    for axis in axes.flat:
        axis.set_axis_off()
    show_picture(axes[0][0], pixels, "image")
    for (upper, lower), (title, labels), shown in zip(axes.T[1:], maps.items(), titles):
        labels = as_labels("draw_clusters", labels, len(names[title]), pixels.shape[:2], what="clusters")
        palette = _cluster_colors(tree, assignments[title])
        show_picture(upper, _paint(palette, labels), shown)
        patches = [Patch(color=color / 255.0) for color in palette]
        options = {"loc": "upper center", "fontsize": _LEGEND_SIZE, "frameon": False, "handlelength": 1.2}
        name_legend(lower, patches, names[title], **options)
    return figure.saved(path)


def _checked_assignment(tree, title, clusters):
    assignment = np.asarray(clusters.get(title, np.arange(tree.num_leaves)))
    is_counted = assignment.dtype.kind in "iu" and set(assignment.ravel().tolist()) == set(range(assignment.max() + 1))
    if assignment.shape != (tree.num_leaves,) or not is_counted:
        raise ValueError(
            f"`draw_clusters` expects one integer per leaf of `tree` ({tree.num_leaves}), with clusters numbered from "
            f"0 without gaps. Received: clusters[{title!r}]={assignment.tolist()}."
        )
    return assignment


def _cluster_colors(tree, assignment):
    colors = node_colors(tree)[: tree.num_leaves]
    return np.stack([colors[assignment == cluster].mean(axis=0) for cluster in range(assignment.max() + 1)])


def _paint(palette, labels):
    is_cluster = (labels >= 0) & (labels < len(palette))
    with_none = np.concatenate([palette, [UNLABELED]]).astype(np.uint8)
    return with_none[np.where(is_cluster, labels, len(palette))]


def _cluster_names(tree, assignment):
    members = (np.flatnonzero(assignment == cluster) for cluster in range(assignment.max() + 1))
    names = [[tree.names[leaf] for leaf in leaves] for leaves in members]
    return [wrapped(_cluster_name(leaf_names), _LEGEND_SIZE, _WIDEST) for leaf_names in names]


def _cluster_name(names):
    more = len(names) - _SHOWN_NAMES
    return " + ".join(names[:_SHOWN_NAMES]) + (f" + {more} more" if more > 0 else "")
