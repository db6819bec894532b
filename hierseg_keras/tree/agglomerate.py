"""A hierarchy of classes from how often they are confused."""

import numpy as np

from hierseg_keras.tree.exact_integer import exact_integer
from hierseg_keras.tree.tree_error import TreeError

# The least factor between the rates of two successive merges that separates a level.
_FACTOR = 1.5
# How many times the mean of the other jumps the jump of a second level is at least, in logarithms.
_PROMINENCE = 4
# Added to all rates, as a share of their mean, so that no factor is infinite and rates near zero count as equal.
_FLOOR = 0.05
# The largest share of the classes that a cluster may hold where every other class is alone.
_LARGEST_SHARE = 2 / 3


def check_names(names):
    """Class names as a list. Raises `TypeError` for a string, whose letters would be classes."""
    if isinstance(names, str):
        raise TypeError(f"`names` expects a sequence of class names. Received: the string {names!r}.")
    return list(names)


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
    wrong = confusion[~(np.isfinite(confusion) & (confusion >= 0))]
    if len(wrong):
        raise ValueError(f"`confusion` expects counts, finite and not negative. Received: {wrong[:5].tolist()}.")
    return confusion


def confusion_rates(confusion):
    """How often two classes are confused, `(K, K)`, symmetric, 0 on the diagonal.

    The mean of both shares: of one class's pixels taken for the other, and the other way round; so
    that classes with many pixels weigh no more. A class without a label has no share.
    """
    confusion = np.asarray(confusion, "float64")
    totals = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, totals, out=np.zeros_like(confusion), where=totals > 0)
    rates = (shares + shares.T) / 2
    np.fill_diagonal(rates, 0)
    return rates


class AverageLinkage:
    """Joins the two clusters that are confused most often, on average over their pairs, again and again.

    Args:
        rates: `(K, K)`, symmetric, as `confusion_rates` gives them.

    Attributes:
        merges: `(K - 1, 4)`, the linkage matrix of SciPy, whose distances are the largest rate
            minus the clusters' mean rate.
        heights: `(K - 1,)`, the mean rate of the two clusters that each merge joins, falling.
    """

    def __init__(self, rates):
        # SciPy takes longer to import than the package without Keras does.
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
        """Each class's cluster, `(K,)` int, where `size` clusters are left, counted by their smallest classes.

        Every clustering refines all smaller ones.
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
        """The numbers of clusters at which the linkage jumps.

        A jump is the logarithm of the factor by which a merge's rate is smaller than the one
        before. The largest separates a level if its factor is at least 1.5. Another one does if its
        factor is at least 1.5 too, it is at least four times the mean of the rest, and it leaves
        two families or more that the other levels do not have.

        Args:
            num_labeled: Number of classes with a label.
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
        """For each merge, false where it leaves most classes in one cluster and every other one alone.

        The others are merely never confused, which makes the cluster no family.
        """
        single = (self.merges[:, :2] < self.num_classes).sum(axis=1)
        num_families, largest = np.cumsum(single - 1), np.maximum.accumulate(self.merges[:, 3])
        return (num_families > 1) | (largest <= _LARGEST_SHARE * num_labeled)

    def _families(self, size):
        """The clusters of more than one class."""
        assignment = self.clusters(size)
        clusters = (tuple(np.flatnonzero(assignment == cluster)) for cluster in range(size))
        return {members for members in clusters if len(members) > 1}


def check_assignment(assignment, num_classes):
    """Refuses a clustering that does not hold an integer per class.

    Raises:
        TreeError: If the array has another shape or dtype.
    """
    if assignment.shape != (num_classes,):
        raise TreeError(
            f"`assignments` expects a cluster for each of {num_classes} classes. Received: shape {assignment.shape}"
        )
    if assignment.dtype.kind not in "iu":
        raise TreeError(f"`assignments` expects integers. Received: {assignment.tolist()} of dtype {assignment.dtype}")


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
    """Numbers of clusters, the largest first, each once.

    Raises:
        TreeError: If one is no integer between 2 and the number of classes less one.
    """
    numbers = [exact_integer(size) for size in sizes] if np.iterable(sizes) else [None]
    if any(number is None or not 1 < number < num_classes for number in numbers):
        raise TreeError(
            f"`sizes` expects a list of integers, numbers of clusters between 2 and {num_classes - 1}. Received: "
            f"sizes={sizes!r}."
        )
    return sorted(set(numbers), reverse=True)


def _cluster_name(members, shown=2):
    """`rider + bicyclist`, or `car + truck + 3 more`, which no other cluster of the same level is called."""
    more = len(members) - shown
    return " + ".join([*members[:shown], *([f"{more} more"] if more > 0 else [])])
