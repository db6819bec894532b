"""Pictures of an image with a map of each stage's clusters of classes."""

import os
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.visualization.colors import node_colors, unlabeled_color
from hierseg_keras.visualization.grid import GAP, MARGIN, TITLE_HEIGHT, TITLE_LINE, TITLE_SIZE, cell_size
from hierseg_keras.visualization.inputs import as_labels, as_pixels, check_some
from hierseg_keras.visualization.legend import Entry, Legend
from hierseg_keras.visualization.names import total_height, wrapped
from hierseg_keras.visualization.palettes import Palette
from hierseg_keras.visualization.picture import Picture

# The number of names shown per cluster.
_SHOWN_NAMES = 3


def draw_clusters(
    tree: ClassTree | str,
    image: ArrayLike,
    maps: Mapping[str, ArrayLike],
    clusters: Mapping[str, ArrayLike],
    path: str | os.PathLike | None = None,
    palette: Palette = None,
) -> Figure:
    """Draws an image next to maps of clusters of classes, each with its own legend.

    The color of a cluster is the mean of its classes' colors in `node_colors`, so that the maps can be
    compared with a map of the classes. Each legend lists the clusters in its map.

    Args:
        tree: `ClassTree` whose leaves are clustered, or its text.
        image: `(H, W, 3)` array of colors in 0 .. 255.
        maps: Dict from a title to an `(H, W)` integer array of clusters, such as `HS3.predict_stages`
            returns. Pixels whose number is not a cluster are black, or white if
            black is a cluster.
        clusters: Dict from a title to the cluster of each leaf, `(L,)` integers from 0. A map whose
            title is not in the dict shows the leaves.
        path: File to which the picture is saved. Defaults to `None`, which saves nothing.
        palette: Colors of the nodes, as in `node_colors`. Defaults to the official palette of the
            tree's data set, or otherwise the generated one.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `maps` is empty, the image or a map is invalid for `draw_levels`, a
            clustering does not hold one integer per leaf with every number from 0 to the largest, or
            `palette` is invalid for `node_colors`.

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
    colors = node_colors(tree, palette)[: tree.num_leaves]
    width, height = cell_size([pixels])
    maps = {
        title: as_labels("draw_clusters", labels, assignments[title].max() + 1, pixels.shape[:2], what="clusters")
        for title, labels in maps.items()
    }
    cluster_colors = [_cluster_colors(colors, assignment) for assignment in assignments.values()]
    legends = [
        Legend(_entries(tree, assignments[title], palette, labels), width)
        for (title, labels), palette in zip(maps.items(), cluster_colors)
    ]
    titles = [f"{title} ({len(found)} of {tree.num_leaves} classes)" for title, found in zip(maps, cluster_colors)]
    titles = [wrapped(title, TITLE_SIZE, width) for title in titles]
    top = MARGIN + total_height(["\n" * max(title.count("\n") for title in titles)], TITLE_HEIGHT, TITLE_LINE)
    legend_top = top + height + GAP
    whole_height = legend_top + max(legend.height for legend in legends) + MARGIN
    figure = Picture(2 * MARGIN + (1 + len(maps)) * (width + GAP) - GAP, whole_height, layout=None)
    figure.show(pixels, MARGIN, top, width, height, smooth=True)
    figure.write(MARGIN + width / 2, top - TITLE_HEIGHT / 2, "image", TITLE_SIZE, ha="center")
    for number, (labels, palette, legend, title) in enumerate(zip(maps.values(), cluster_colors, legends, titles), 1):
        left = MARGIN + number * (width + GAP)
        figure.show(_painted(palette, labels), left, top, width, height)
        figure.write(left + width / 2, (MARGIN + top) / 2, title, TITLE_SIZE, ha="center")
        legend.draw(figure, left, legend_top)
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


def _cluster_colors(colors, assignment):
    return np.stack([colors[assignment == cluster].mean(axis=0) for cluster in range(assignment.max() + 1)])


def _painted(palette, labels):
    is_cluster = (labels >= 0) & (labels < len(palette))
    with_none = np.concatenate([palette, [unlabeled_color(palette)]]).astype(np.uint8)
    return with_none[np.where(is_cluster, labels, np.int64(len(palette)))]


def _entries(tree, assignment, palette, labels):
    """Returns the legend's entries of the clusters in a map."""
    shown = np.unique(labels)
    clusters = shown[(shown >= 0) & (shown < len(palette))]
    members = ([tree.names[leaf] for leaf in np.flatnonzero(assignment == cluster)] for cluster in clusters)
    entries = [Entry(_cluster_name(names), palette[cluster]) for names, cluster in zip(members, clusters)]
    return entries + ([Entry("no label", unlabeled_color(palette))] if len(clusters) < len(shown) else [])


def _cluster_name(names):
    more = len(names) - _SHOWN_NAMES
    return " + ".join(names[:_SHOWN_NAMES]) + (f" + {more} more" if more > 0 else "")
