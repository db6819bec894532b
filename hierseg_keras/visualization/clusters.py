"""What the stages of a network see: an image with a map of each stage's clusters of classes."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from hierseg_keras.tree import as_class_tree
from hierseg_keras.visualization.colours import UNLABELLED, node_colours

_CELL_WIDTH, _LEGEND_ROW, _SHOWN_NAMES = 3.4, 0.17, 3


def draw_clusters(tree, image, maps, clusters, path=None):
    """Draws an image with maps of clusters of classes, each with a legend of its own.

    A cluster has the mean of its classes' colours, so that a map of the classes themselves reads beside
    it.

    Args:
        tree: `ClassTree` of the classes, or its text.
        image: `(H, W, 3)` array of colours in 0 .. 255.
        maps: Dict from a title to an `(H, W)` integer array of clusters, such as
            `HS3.predict_stages` gives; whatever is none is black.
        clusters: Dict from a title to each leaf's cluster, `(L,)` integers. A map without an entry
            is of the leaves themselves.
        path: Optional file to which the picture is saved.

    Returns:
        `matplotlib.figure.Figure`.

    Example:

    >>> maps = {stage: found[0] for stage, found in model.predict_stages(images).items()}
    >>> figure = hs.visualization.draw_clusters(tree, images[0], maps, model.clusters, "stages.png")
    """
    tree = as_class_tree(tree)
    image = np.asarray(image)
    every = np.arange(tree.num_leaves)
    assignments = {title: np.asarray(clusters.get(title, every)) for title in maps}
    cell_height = _CELL_WIDTH * image.shape[0] / image.shape[1] + 0.3
    legend_height = _LEGEND_ROW * (1 + max(assignment.max() + 1 for assignment in assignments.values()))
    size = (_CELL_WIDTH * (1 + len(maps)), cell_height + legend_height)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    axes = figure.subplots(2, 1 + len(maps), squeeze=False, height_ratios=[cell_height, legend_height])
    for axis in axes.flat:
        axis.set_axis_off()
    axes[0][0].imshow(image.clip(0, 255).astype(np.uint8))
    axes[0][0].set_title("image", fontsize=9)
    for (upper, lower), (title, labels) in zip(axes.T[1:], maps.items()):
        palette = _cluster_colours(tree, assignments[title])
        upper.imshow(_paint(palette, labels), interpolation="nearest")
        upper.set_title(f"{title} ({len(palette)} of {tree.num_leaves} classes)", fontsize=9)
        names = [_cluster_name(tree, assignments[title] == cluster) for cluster in range(len(palette))]
        patches = [Patch(color=colour / 255.0, label=name) for colour, name in zip(palette, names)]
        lower.legend(handles=patches, loc="upper center", fontsize=7, frameon=False, handlelength=1.2)
    if path is not None:
        figure.savefig(path)
    return figure


def _cluster_colours(tree, assignment):
    colours = node_colours(tree)[: tree.num_leaves]
    return np.stack([colours[assignment == cluster].mean(axis=0) for cluster in range(assignment.max() + 1)])


def _paint(palette, labels):
    labels = np.asarray(labels)
    is_cluster = (labels >= 0) & (labels < len(palette))
    with_none = np.concatenate([palette, [UNLABELLED]]).astype(np.uint8)
    return with_none[np.where(is_cluster, labels, len(palette))]


def _cluster_name(tree, members):
    names = [tree.names[leaf] for leaf in np.flatnonzero(members)]
    more = len(names) - _SHOWN_NAMES
    return " + ".join(names[:_SHOWN_NAMES]) + (f" + {more} more" if more > 0 else "")
