"""Builds a hierarchy of classes from a confusion matrix."""

import numpy as np

from hierseg_keras.arguments.exact_integer import exact_integer
from hierseg_keras.tree.tree_error import TreeError

# The smallest factor between the confusion rates of two successive merges that separates a level.
_FACTOR = 1.5
# A further level needs a jump (a difference of logarithms) of at least this many times the mean of the other jumps.
_PROMINENCE = 4
# This share of the mean rate is added to all rates, so that no factor is infinite and rates near zero count as equal.
_FLOOR = 0.05
# The largest share of the classes that one cluster may hold if every other class is a cluster of its own.
_LARGEST_SHARE = 2 / 3


def check_names(names):
    """Returns class names as a list. Raises `TypeError` for a string, whose letters would become classes."""
    if isinstance(names, str):
        raise TypeError(f"`names` expects a sequence of class names. Received: names={names!r}. Pass a list.")
    return list(names)


def check_confusion(confusion, names):
    """Returns a confusion matrix as float64, `(L, L)`, after checking it against the class names.

    Raises:
        ValueError: If the matrix does not have one row and one column per name, or holds a number
            that is negative or not finite.
    """
    confusion = np.asarray(confusion, "float64")
    if confusion.shape != (len(names), len(names)):
        raise ValueError(
            f"`confusion` expects one row per label and one column per prediction, ({len(names)}, {len(names)}) for "
            f"{len(names)} names. Received: confusion.shape={confusion.shape}."
        )
    wrong = confusion[~(np.isfinite(confusion) & (confusion >= 0))]
    if len(wrong):
        raise ValueError(f"`confusion` expects counts, finite and not negative. Received: {wrong[:5].tolist()}.")
    return confusion


def confusion_rates(confusion):
    """Computes how often each pair of classes is confused: `(K, K)`, symmetric, 0 on the diagonal.

    A rate is the mean of two shares: the share of class `i`'s pixels that are predicted as class
    `j`, and the reverse. Classes with many pixels therefore weigh no more than others. The share
    of a class without labeled pixels is 0.
    """
    confusion = np.asarray(confusion, "float64")
    totals = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, totals, out=np.zeros_like(confusion), where=totals > 0)
    rates = (shares + shares.T) / 2
    np.fill_diagonal(rates, 0)
    return rates


class AverageLinkage:
    """Repeatedly joins the two clusters with the highest confusion rate, averaged over their pairs of classes.

    Args:
        rates: Float array `(K, K)`, symmetric, as returned by `confusion_rates`.

    Attributes:
        merges: Float array `(K - 1, 4)`, SciPy's linkage matrix. Its distances are the largest
            rate minus the mean rate of the two clusters.
        heights: Float array `(K - 1,)`, the mean rate of the two clusters that each merge joins,
            in descending order.
    """

    def __init__(self, rates):
        # Imported here because SciPy takes longer to import than this package without Keras.
        from scipy.cluster.hierarchy import linkage
        from scipy.spatial.distance import squareform

        rates = np.asarray(rates, "float64")
        self.num_classes = len(rates)
        largest = rates.max(initial=0)
        distances = squareform(largest - rates, checks=False)
        self.merges = linkage(distances, "average") if len(distances) else np.zeros((0, 4))
        self.heights = np.maximum(largest - self.merges[:, 2], 0)
        self._floor = _FLOOR * (largest - distances).mean() if len(distances) else 0

    def clusters(self, size):
        """Returns the cluster of each class, `(K,)` int64, after merging down to `size` clusters.

        Clusters are numbered by their smallest class. Every clustering refines all smaller ones.
        """
        members = {i: [i] for i in range(self.num_classes)}
        for step in range(self.num_classes - size):
            a, b = self.merges[step, :2].astype(int)
            members[self.num_classes + step] = members.pop(a) + members.pop(b)
        assignment = np.empty(self.num_classes, "int64")
        for number, cluster in enumerate(sorted(members.values(), key=min)):
            assignment[cluster] = number
        return assignment

    def standout_sizes(self, num_labeled):
        """Returns the numbers of clusters at which the linkage jumps.

        A jump is the logarithm of the ratio between the rates of two successive merges. The
        largest jump separates a level if the ratio is at least 1.5. A further jump separates a
        level if its ratio is at least 1.5, the jump is at least four times the mean of the other
        jumps, and it yields at least two families that the other levels do not have.

        Args:
            num_labeled: Integer, number of classes with labeled pixels.
        """
        if self._floor == 0:
            return []
        logs = np.log(self.heights + self._floor)
        separates = self._separates(num_labeled)[:-1]
        jumps, sizes = (logs[:-1] - logs[1:])[separates], np.arange(self.num_classes - 1, 1, -1)[separates]
        found, known = [], set()
        for place in np.argsort(-jumps, kind="stable"):
            if jumps[place] < np.log(_FACTOR):
                break
            others = (jumps.sum() - jumps[place]) / max(len(jumps) - 1, 1)
            families = self._families(sizes[place])
            if not found or (jumps[place] >= _PROMINENCE * others and len(families - known) > 1):
                found.append(int(sizes[place]))
                known |= families
        return found

    def _separates(self, num_labeled):
        """Returns one bool per merge: false if it leaves most classes in one cluster and every other class alone.

        Such a cluster is not a family: the other classes are merely never confused.
        """
        single = (self.merges[:, :2] < self.num_classes).sum(axis=1)
        num_families, largest = np.cumsum(single - 1), np.maximum.accumulate(self.merges[:, 3])
        return (num_families > 1) | (largest <= _LARGEST_SHARE * num_labeled)

    def _families(self, size):
        """Returns the clusters that hold more than one class."""
        assignment = self.clusters(size)
        clusters = (tuple(np.flatnonzero(assignment == cluster)) for cluster in range(size))
        return {members for members in clusters if len(members) > 1}


def check_assignment(assignment, num_classes):
    """Checks that a clustering holds one integer per class.

    Raises:
        TreeError: If `assignment` is not an integer array `(num_classes,)`.
    """
    if assignment.shape != (num_classes,):
        raise TreeError(
            f"`assignments` expects one cluster per class, ({num_classes},). Received: shape={assignment.shape}."
        )
    if assignment.dtype.kind not in "iu":
        raise TreeError(f"`assignments` expects integers. Received: {assignment.tolist()} of dtype {assignment.dtype}.")


def cluster_paths(names, assignments):
    """Builds the path of each class from its clusters.

    Args:
        names: List of `K` class names.
        assignments: List of integer arrays `(K,)`, the cluster of each class at each level, the
            coarsest level first. Every level refines the levels before it.

    Returns:
        List of tuples of names, the top cluster first. A cluster is omitted if it holds one class
        only, or the same classes as the cluster above it.
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
    """Returns the numbers of clusters without duplicates, the largest first.

    Raises:
        TreeError: If `sizes` is not a list of integers from 2 to `num_classes - 1`.
    """
    numbers = [exact_integer(size) for size in sizes] if np.iterable(sizes) else [None]
    if any(number is None or not 1 < number < num_classes for number in numbers):
        raise TreeError(
            f"`sizes` expects a list of integers from 2 to {num_classes - 1}, numbers of clusters. Received: "
            f"sizes={sizes!r}."
        )
    return sorted(set(numbers), reverse=True)


def _cluster_name(members, shown=2):
    """Returns `rider + bicyclist`, or `car + truck + 3 more`. No other cluster of the same level has this name."""
    more = len(members) - shown
    return " + ".join([*members[:shown], *([f"{more} more"] if more > 0 else [])])
