"""The trade-off between the number of clusters and a stage's mIoU on them (HS3, section 3.1)."""

import dataclasses
import numbers
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from hierseg_keras.clustering.spectral_clusters import spectral_clusters
from hierseg_keras.tree.agglomerate import check_confusion

# The angle of the line through the origin: on it dk / K equals dmIoU / mIoU_ref, so that the tangent is 4.
ORIGIN = float(np.degrees(np.arctan(4)))


@dataclasses.dataclass(frozen=True)
class TradeOff:
    """Holds a stage's mIoU for every number of clusters, and the mIoU of the final output.

    Attributes:
        clusterings: Dict from a number of clusters to the cluster of each class, `(K,)` int64. The
            keys run from 2 to the number of classes present; absent classes are not counted. Numbers that
            the clustering did not reach, since classes have equal features, are missing.
        mean_ious: Dict from the same numbers of clusters to the stage's mIoU on those clusters.
        num_classes: Number of classes present.
        reference: mIoU of the final output on all classes present.
    """

    clusterings: dict[int, np.ndarray]
    mean_ious: dict[int, float]
    num_classes: int
    reference: float

    def angle(self, size: int) -> float:
        """Computes the angle that the paper calls theta, for a number of clusters.

        In a plot of mIoU by number of clusters, it is the angle between the vertical line through
        the final output's point and the line from that point to the stage's point:

        ```
        tan(theta) = 4 * (dk / K) / (dmIoU / mIoU_ref),   dk = K - k,   dmIoU = mIoU_ref - mIoU(k)
        ```

        Args:
            size: Number of clusters `k`, from 2 to `num_classes`.

        Returns:
            Angle in degrees: 90 if the stage reaches the final output's mIoU, otherwise 0 for all
            classes (deep supervision) and between 0 and 90 for fewer clusters.
        """
        worse = self.reference - self.mean_ious[size]
        if worse <= 0:
            return 90.0
        fewer = (self.num_classes - size) / self.num_classes
        return float(np.degrees(np.arctan2(4 * fewer, worse / self.reference)))

    def size(self, theta: float | str = "origin") -> int:
        """Finds the number of clusters whose angle is nearest to `theta`.

        Args:
            theta: Angle in degrees, between 0 (all classes) and 90 (the final output's mIoU), or
                `"origin"` for 75.96 degrees, the angle of the line through the origin. On that line
                the mIoU is proportional to the number of clusters. Defaults to `"origin"`.

        Returns:
            Integer. The search starts with all classes and reduces the number until the angle reaches
            `theta`. Of the last two numbers, it returns the one with the nearer angle. If the angle
            never reaches `theta`, it returns 2.

        Raises:
            ValueError: If `theta` is neither `"origin"` nor between 0 and 90.
        """
        theta = ORIGIN if theta == "origin" else theta
        if not isinstance(theta, numbers.Real) or not 0 <= theta <= 90:
            raise ValueError(f'`theta` expects degrees between 0 and 90, or "origin". Received: theta={theta!r}.')
        before = self.num_classes
        for size in sorted(self.mean_ious, reverse=True):
            if self.angle(size) >= theta:
                return min((size, before), key=lambda near: abs(self.angle(near) - theta))
            before = size
        return before

    def clustering(self, theta: float | str = "origin") -> np.ndarray:
        """Returns the cluster of each class, `(K,)` int64, for `size(theta)` clusters."""
        return self.clusterings[self.size(theta)]


def trade_off(
    confusion: ArrayLike,
    reference: ArrayLike,
    cluster: Callable[[np.ndarray, int], np.ndarray] = spectral_clusters,
) -> TradeOff:
    """Clusters the classes of a stage into every number of clusters, and computes the mIoU on each.

    Args:
        confusion: Pixel counts of the stage, `(K, K)`: labels in rows, predictions in columns.
        reference: The same counts of the final output, `(K, K)`.
        cluster: Function from the stage's counts and a number of clusters to the cluster of each
            class, `(K,)`. Defaults to `spectral_clusters`.

    Returns:
        `TradeOff`.

    Raises:
        ValueError: If the matrices are not square, differ in size or hold a negative or non-finite
            number, or if fewer than 3 classes are present.

    Example:

    >>> counts = np.array([[60, 40, 0, 5], [45, 50, 5, 0], [0, 5, 70, 25], [5, 0, 30, 60]])
    >>> found = hs.clustering.trade_off(counts, counts + 50 * np.eye(4))
    >>> found.clusterings[2]
    array([0, 0, 1, 1])
    >>> found.size()
    3

    Reference:
        [Borse et al., HS3, BMVC 2021](https://arxiv.org/abs/2111.02333), section 3.1 and figure 2. The
        paper defines the angle by a line of that figure, whose axes have the ratio 4, the factor here.
        With it, the line through the origin has the 76 degrees of the paper's table 5.
    """
    names = range(len(confusion))
    confusion, reference = check_confusion(confusion, names), check_confusion(reference, names)
    is_present = confusion.sum(axis=1) > 0
    num_present = int(is_present.sum())
    if num_present < 3:
        raise ValueError(
            f"`trade_off` expects labeled pixels of 3 classes or more. Received: confusion with {num_present}. "
            "Count more images, or set the clusters by hand."
        )
    clusterings = {size: cluster(confusion, size) for size in range(2, num_present)}
    clusterings = {size: found for size, found in clusterings.items() if len(np.unique(found[is_present])) == size}
    clusterings[num_present] = np.arange(len(confusion))
    # Each absent class is a cluster. Predicted by mistake, it would be a cluster of IoU 0 in every mean.
    mean_ious = {size: _mean_iou(confusion, clusters, only_labeled=True) for size, clusters in clusterings.items()}
    of_reference = _mean_iou(reference, clusterings[num_present], only_labeled=True)
    return TradeOff(clusterings, mean_ious, num_present, of_reference)


def cluster_mean_iou(confusion: ArrayLike, assignment: ArrayLike) -> float:
    """Computes the mIoU over clusters of classes.

    A pixel is correct if its predicted class lies in the cluster of its label.

    Args:
        confusion: Pixel counts, `(K, K)`: labels in rows, predictions in columns.
        assignment: Cluster of each class, `(K,)` integers from 0.

    Returns:
        Float in [0, 1], the mean IoU of the clusters with labeled or predicted pixels.

    Raises:
        ValueError: If the matrix is not square, holds a negative or non-finite number, or has no pixel; or if
            `assignment` does not hold one integer of at least 0 per class.
    """
    confusion, assignment = check_confusion(confusion, range(len(confusion))), np.asarray(assignment)
    is_integer = assignment.dtype.kind in "iu" and assignment.shape == (len(confusion),)
    if not is_integer or (assignment < 0).any() or not confusion.any():
        raise ValueError(
            f"`cluster_mean_iou` expects counts of pixels, and one integer >= 0 per class ({len(confusion)}). "
            f"Received: counts of {confusion.sum():g} pixels, assignment={assignment.tolist()}."
        )
    return _mean_iou(confusion, assignment, only_labeled=False)


def _mean_iou(confusion, assignment, only_labeled):
    """Computes the mIoU over the clusters with labeled pixels, or also over those with predicted pixels alone."""
    merged = np.zeros((assignment.max() + 1,) * 2)
    np.add.at(merged, (assignment[:, None], assignment[None, :]), confusion)
    right, labeled = np.diag(merged), merged.sum(axis=1)
    union = merged.sum(axis=0) + labeled - right
    counted = (labeled if only_labeled else union) > 0
    return float(np.mean(right[counted] / union[counted]))


def constant_ratio_sizes(num_classes: int, num_stages: int, ratio: float = 0.5) -> list[int]:
    """Computes numbers of clusters with a constant ratio between successive stages.

    Stage `i` of `n` has `k_i` clusters, rounded to an integer and at least 2:

    ```
    k_i = ratio^(n + 1 - i) * K
    ```

    Args:
        num_classes: Number of classes present, `K`.
        num_stages: Number of supervised stages, `n`.
        ratio: Number between 0 and 1. Defaults to 0.5, the paper's ratio.

    Returns:
        List of integers, one per stage, from the first stage to the last.

    Raises:
        ValueError: If `num_classes` is below 2, `num_stages` is below 1, or `ratio` is not between 0 and 1.

    Example:

    >>> hs.clustering.constant_ratio_sizes(19, 2)
    [5, 10]

    Reference:
        [Borse et al., HS3, BMVC 2021](https://arxiv.org/abs/2111.02333), section 3.1.3. The paper clusters
        the classes by hand; a run searches clusters of these sizes. Left open: rounding of the sizes.
    """
    if num_classes < 2 or num_stages < 1 or not 0 < ratio < 1:
        raise ValueError(
            "`constant_ratio_sizes` expects num_classes >= 2, num_stages >= 1 and 0 < ratio < 1. "
            f"Received: num_classes={num_classes}, num_stages={num_stages}, ratio={ratio}."
        )
    return [max(2, round(num_classes * ratio**power)) for power in range(num_stages, 0, -1)]
