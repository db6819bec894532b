"""Clusters of classes for the supervision of a network's stages."""

import numpy as np

from hierseg_keras.arguments.exact_integer import exact_integer
from hierseg_keras.clustering.cluster_numbers import numbered
from hierseg_keras.tree import ClassTree


def clusters_of_stages(model, tree, stages, clusters):
    """Converts the clusters of each stage to one integer per leaf.

    Args:
        model: Name of the model that errors mention.
        tree: `ClassTree`.
        stages: Names of layers.
        clusters: One entry per stage, as in `clusters_of`. `None` makes every leaf its own cluster.

    Returns:
        Dict from each stage to the cluster of each leaf, `(L,)` int64.

    Raises:
        ValueError: If `stages` is empty, a string, or has duplicates; if `clusters` does not have one
            entry per stage; or if an entry is invalid.
    """
    if isinstance(stages, str) or not list(stages) or len(set(stages)) != len(list(stages)):
        raise ValueError(
            f"`{model}` expects `stages` to be a list of names of different layers. Received: stages={stages!r}."
        )
    clusters = [np.arange(tree.num_leaves)] * len(list(stages)) if clusters is None else list(clusters)
    if len(clusters) != len(list(stages)):
        raise ValueError(
            f"`{model}` expects `clusters` to have one entry per stage of {list(stages)}. Received: {len(clusters)} "
            "entries."
        )
    return {stage: clusters_of(tree, entry) for stage, entry in zip(stages, clusters)}


def clusters_of(tree, clusters):
    """Converts a clustering of the leaves to one integer per leaf.

    Args:
        tree: `ClassTree`.
        clusters: `(L,)` integers; a `ClassTree` with the same leaves, by `leaf_names`, whose top classes are
            the clusters; or an integer, a level of `tree` whose classes are the clusters.

    Returns:
        Cluster of each leaf, `(L,)` int64. Clusters are numbered from 0, in the order of their smallest
        leaves.

    Raises:
        ValueError: If `clusters` is not one integer per leaf, a tree with the same leaves, or a level.
    """
    if exact_integer(clusters) is not None:
        if not 1 <= clusters <= tree.num_levels:
            raise ValueError(f"`clusters` expects a level between 1 and {tree.num_levels}. Received: level {clusters}.")
        clusters = tree.level_table[clusters - 1][: tree.num_leaves]
    elif isinstance(clusters, ClassTree):
        names = leaf_names(tree)
        if leaf_names(clusters) != names:
            raise ValueError(
                f"`clusters` expects a tree with the leaves {names}. Received: a tree with the leaves "
                f"{leaf_names(clusters)}."
            )
        clusters = clusters.depth_table[0][: clusters.num_leaves]
    clusters = np.asarray(clusters)
    if clusters.shape != (tree.num_leaves,) or not np.issubdtype(clusters.dtype, np.integer):
        raise ValueError(
            f"`clusters` expects one integer per leaf ({tree.num_leaves}). Received: {clusters.dtype} of shape "
            f"{clusters.shape}."
        )
    return numbered(clusters)


def leaf_names(tree):
    """Returns a tuple of `L` different names of the leaves: the name, or the path where several have this name."""
    names = tree.names[: tree.num_leaves]
    return tuple(path.replace("/", " > ") if names.count(name) > 1 else name for name, path in zip(names, tree.paths))


def cluster_of_nodes(tree, clusters, unknown):
    """Returns a list of `V`: for each node, the cluster that all its leaves share, or `unknown` if they do not."""
    table = []
    for node in range(tree.num_nodes):
        node_clusters = {int(clusters[leaf]) for leaf in tree.leaves(node)}
        table.append(node_clusters.pop() if len(node_clusters) == 1 else unknown)
    return table
