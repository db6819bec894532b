"""How many classes a part of a network can tell apart as well, for their number, as the whole tells all."""

import dataclasses

import numpy as np

from hierseg_keras.clustering.spectral_clusters import spectral_clusters
from hierseg_keras.tree.agglomerate import check_confusion

# Of the line through the origin: both axes' shares fall alike, and the tangent counts one of them four times.
ORIGIN = float(np.degrees(np.arctan(4)))


@dataclasses.dataclass(frozen=True)
class TradeOff:
    """A stage's mIoU by the number of clusters, beside that of the final output.

    Attributes:
        clusterings: Dict from a number of clusters of the classes present to each class's
            cluster, `(K,)` int64, from 2 to the number of classes present.
        mean_ious: Dict from that number to the stage's mIoU.
        num_classes: Number of classes present.
        reference: The final output's mIoU on all of them.
    """

    clusterings: dict
    mean_ious: dict
    num_classes: int
    reference: float

    def angle(self, size):
        """The angle between the vertical through the reference and the line from it to a size's point, in degrees.

        ```
        tan(theta) = 4 * (dk / K) / (dmIoU / mIoU_ref),   dk = K - k,   dmIoU = mIoU_ref - mIoU(k)
        ```

        0 for all classes, which is deep supervision; 90 where the stage is as good as the final output, or better.
        """
        worse = self.reference - self.mean_ious[size]
        if worse <= 0:
            return 90.0
        fewer = (self.num_classes - size) / self.num_classes
        return float(np.degrees(np.arctan2(4 * fewer, worse / self.reference)))

    def size(self, theta="origin"):
        """The number of clusters whose trade-off is the final output's.

        Args:
            theta: Angle in degrees, between 0 (all classes) and 90 (the final output's mIoU), or
                `"origin"`: the line through the origin, 75.96 degrees, on which the mIoU is in
                proportion to the number of classes.

        Returns:
            The size nearest to where the curve first crosses the line, coming from all classes;
            2 where it does not.
        """
        theta = ORIGIN if theta == "origin" else theta
        if not 0 <= theta <= 90:
            raise ValueError(f'`theta` expects degrees between 0 and 90, or "origin". Received: theta={theta!r}.')
        before = self.num_classes
        for size in sorted(self.mean_ious, reverse=True):
            if self.angle(size) >= theta:
                return min((size, before), key=lambda near: abs(self.angle(near) - theta))
            before = size
        return 2

    def clustering(self, theta="origin"):
        """Each class's cluster at `size(theta)`, `(K,)` int64."""
        return self.clusterings[self.size(theta)]


def trade_off(confusion, reference, cluster=spectral_clusters):
    """Clusters the classes into every number of sets, and measures a stage on each.

    Args:
        confusion: Counts of labels by the stage's predictions, `(K, K)`.
        reference: Counts of labels by the final output's predictions, `(K, K)`.
        cluster: Function from the stage's counts and a number of clusters to each class's cluster.

    Returns:
        `TradeOff`.

    Raises:
        ValueError: If a matrix is not as said above, or less than 3 classes are present.

    Example:

    >>> counts = np.array([[60, 40, 0, 5], [45, 50, 5, 0], [0, 5, 70, 25], [5, 0, 30, 60]])
    >>> found = hs.clustering.trade_off(counts, counts + 50 * np.eye(4))
    >>> found.clusterings[2]
    array([0, 0, 1, 1])
    >>> found.size()
    3

    Reference:
        [Borse et al., HS3, BMVC 2021](https://arxiv.org/abs/2111.02333), section 3.1 and figure 2. The
        paper gives the angle by its figure alone; the 4 is the figure's ratio of axes, with which
        the line through the origin comes to the 76 degrees of table 5.
    """
    names = range(len(confusion))
    confusion, reference = check_confusion(confusion, names), check_confusion(reference, names)
    num_present = int((confusion.sum(axis=1) > 0).sum())
    if num_present < 3:
        raise ValueError(f"`trade_off` expects counts of 3 classes or more. Received: {num_present} with labels.")
    clusterings = {size: cluster(confusion, size) for size in range(2, num_present)}
    clusterings[num_present] = np.arange(len(confusion))
    mean_ious = {size: cluster_mean_iou(confusion, assignment) for size, assignment in clusterings.items()}
    return TradeOff(clusterings, mean_ious, num_present, cluster_mean_iou(reference, clusterings[num_present]))


def cluster_mean_iou(confusion, assignment):
    """The mIoU on clusters of classes: pixels of one class taken for another of its cluster are right.

    Args:
        confusion: Counts of labels by predictions, `(K, K)`.
        assignment: Each class's cluster, `(K,)` integers.

    Returns:
        Mean over the clusters with labeled or predicted pixels.
    """
    assignment = np.asarray(assignment)
    merged = np.zeros((assignment.max() + 1,) * 2)
    np.add.at(merged, (assignment[:, None], assignment[None, :]), confusion)
    right = np.diag(merged)
    union = merged.sum(axis=0) + merged.sum(axis=1) - right
    return float(np.mean(right[union > 0] / union[union > 0]))


def constant_ratio_sizes(num_classes, num_stages, ratio=0.5):
    """Numbers of clusters that fall by a constant ratio from each stage to the one before it.

    ```
    k_i = ratio * k_(i+1),   and of the last stage's, ratio * K
    ```

    Args:
        num_classes: `K`, the number of classes present.
        num_stages: How many stages are supervised.
        ratio: Between 0 and 1. Defaults to the paper's 1/2.

    Returns:
        List of integers, the first stage's first; none below 2.

    Raises:
        ValueError: If a number is not as said above.

    Example:

    >>> hs.clustering.constant_ratio_sizes(19, 2)
    [5, 10]

    Reference:
        [Borse et al., HS3, BMVC 2021](https://arxiv.org/abs/2111.02333), section 3.1.3.
    """
    if num_classes < 2 or num_stages < 1 or not 0 < ratio < 1:
        raise ValueError(
            "`constant_ratio_sizes` expects two classes or more, a stage or more, and a ratio between 0 and 1. "
            f"Received: num_classes={num_classes}, num_stages={num_stages}, ratio={ratio}."
        )
    return [max(2, round(num_classes * ratio**power)) for power in range(num_stages, 0, -1)]
