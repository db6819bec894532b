"""The clusters of classes on which a network's stages are supervised."""

import numpy as np

from hierseg_keras.clustering.cluster_numbers import numbered
from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.exact_integer import exact_integer


def clusters_of_stages(model, tree, stages, clusters):
    """Dict from each stage to each leaf's cluster, `(L,)` int64.

    Args:
        model: The name that errors give to the model.
        tree: `ClassTree`.
        stages: Names of layers.
        clusters: One entry a stage, as `clusters_of` takes it; `None` for each class by itself.

    Raises:
        ValueError: If stages are none or twice the same, or the clusters are not theirs or the tree's.
    """
    if isinstance(stages, str) or not list(stages) or len(set(stages)) != len(list(stages)):
        raise ValueError(f"`{model}` expects names of different layers for `stages`. Received: stages={stages!r}.")
    clusters = [np.arange(tree.num_leaves)] * len(list(stages)) if clusters is None else list(clusters)
    if len(clusters) != len(list(stages)):
        raise ValueError(f"`{model}` expects `clusters` for each of {list(stages)}. Received: {len(clusters)}.")
    return {stage: clusters_of(tree, stage_clusters) for stage, stage_clusters in zip(stages, clusters)}


def clusters_of(tree, clusters):
    """Each leaf's cluster, `(L,)` int64, counted by their smallest leaves, from any of the ways to say it.

    Args:
        tree: `ClassTree`.
        clusters: `(L,)` integers; a `ClassTree` of the same leaves, whose top classes are the
            clusters; or an integer, a level of the tree.

    Raises:
        ValueError: If they are not of the tree's leaves.
    """
    if exact_integer(clusters) is not None:
        if not 1 <= clusters <= tree.num_levels:
            raise ValueError(f"`clusters` expects a level between 1 and {tree.num_levels}. Received: {clusters}.")
        clusters = tree.level_table[clusters - 1][: tree.num_leaves]
    elif isinstance(clusters, ClassTree):
        names = tree.names[: tree.num_leaves]
        if clusters.names[: clusters.num_leaves] != names:
            raise ValueError(
                f"`clusters` expects a tree of the leaves {names}. Received: {clusters.names[: clusters.num_leaves]}."
            )
        clusters = clusters.depth_table[0][: clusters.num_leaves]
    clusters = np.asarray(clusters)
    if clusters.shape != (tree.num_leaves,) or not np.issubdtype(clusters.dtype, np.integer):
        raise ValueError(
            f"`clusters` expects an integer for each of {tree.num_leaves} leaves. Received: {clusters.dtype} of shape "
            f"{clusters.shape}."
        )
    return numbered(clusters)


def cluster_of_nodes(tree, clusters, unknown):
    """For each node the cluster of its leaves where they share one, and `unknown` where not: a list of `V`."""
    table = []
    for node in range(tree.num_nodes):
        found = {int(clusters[leaf]) for leaf in tree.leaves(node)}
        table.append(found.pop() if len(found) == 1 else unknown)
    return table
