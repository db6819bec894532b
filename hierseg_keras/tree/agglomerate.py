"""A hierarchy of classes from how often they are taken for each other."""

import numpy as np

from hierseg_keras.tree.tree_error import TreeError


def check_confusion(confusion, names):
    """A confusion matrix as float64, with rows and columns of the named classes.

    Raises:
        ValueError: If it is not square, has another size than the names, or holds a number that
            is negative or not finite.
    """
    confusion = np.asarray(confusion, "float64")
    if confusion.shape != (len(names), len(names)):
        raise ValueError(
            f"`confusion` expects counts of labels by predictions of {len(names)} classes, "
            f"({len(names)}, {len(names)}). Received: shape {confusion.shape}."
        )
    if not np.isfinite(confusion).all() or (confusion < 0).any():
        raise ValueError("`confusion` expects counts, finite and not negative. Received: others.")
    return confusion


def confusion_rates(confusion):
    """How often two classes are taken for each other, `(K, K)`, symmetric, 0 on the diagonal.

    The mean of both shares: of one class's pixels taken for the other, and the other way round; so
    that classes with many pixels weigh no more. A class without a label has no share.
    """
    confusion = np.asarray(confusion, "float64")
    totals = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, totals, out=np.zeros_like(confusion), where=totals > 0)
    rates = (shares + shares.T) / 2
    np.fill_diagonal(rates, 0)
    return rates


def average_linkage(rates, sizes):
    """Joins the two clusters that are most often taken for each other, on average over their pairs, again and again.

    Args:
        rates: `(K, K)`, symmetric.
        sizes: Numbers of clusters that are asked for.

    Returns:
        Dict from a size to each class's cluster, `(K,)` int, counted by their smallest classes.
        Every clustering refines all smaller ones.
    """
    members = [[i] for i in range(len(rates))]
    between = np.array(rates, "float64")
    np.fill_diagonal(between, -np.inf)
    found = {}
    while True:
        if len(members) in sizes:
            found[len(members)] = _assignment(members)
        if len(members) <= min(sizes):
            return found
        # The first of equals, so that the same counts make the same tree.
        a, b = sorted(np.unravel_index(np.argmax(between), between.shape))
        weights = np.array([len(members[a]), len(members[b])])
        row = weights @ between[[a, b]] / weights.sum()
        row[a] = -np.inf
        between[a], between[:, a] = row, row
        between = np.delete(np.delete(between, b, 0), b, 1)
        members[a] += members.pop(b)


def default_sizes(num_classes):
    """Two levels above the classes, by equal ratios: 5 and 2 of 11, 7 and 3 of 19, 25 and 5 of 124."""
    sizes = {round(num_classes ** (2 / 3)), round(num_classes ** (1 / 3))}
    return sorted((size for size in sizes if 1 < size < num_classes), reverse=True)


def cluster_paths(names, assignments):
    """Paths of classes under their clusters.

    Args:
        names: The classes' names.
        assignments: Each class's cluster at each level, the coarsest first; every level refines
            those before it.

    Returns:
        List of tuples of names, the top cluster first. A cluster of one class, and one that has the
        members of the cluster above it, is left out.
    """
    paths = []
    for i, name in enumerate(names):
        path, above = [], None
        for assignment in assignments:
            members = tuple(np.flatnonzero(assignment == assignment[i]))
            if len(members) > 1 and members != above and len(members) < len(names):
                path.append(_cluster_name([names[member] for member in members]))
            above = members
        paths.append((*path, name))
    return paths


def checked_sizes(sizes, num_classes):
    """Numbers of clusters, the largest first.

    Raises:
        TreeError: If one is no integer between 2 and the number of classes less one.
    """
    sizes = default_sizes(num_classes) if sizes is None else list(sizes)
    if any(int(size) != size or not 1 < size < num_classes for size in sizes):
        raise TreeError(
            f"`sizes` expects numbers of clusters between 2 and {num_classes - 1}. Received: sizes={sizes}."
        )
    return sorted(sizes, reverse=True)


def _assignment(members):
    """Each class's cluster, the one with the smallest class first."""
    assignment = np.empty(sum(len(cluster) for cluster in members), "int64")
    for number, cluster in enumerate(sorted(members, key=min)):
        assignment[cluster] = number
    return assignment


def _cluster_name(members, shown=2):
    """`rider + bicyclist`, or `car + truck + 3 more`, which no other cluster of the same level is called."""
    more = len(members) - shown
    return " + ".join([*members[:shown], *([f"{more} more"] if more > 0 else [])])
