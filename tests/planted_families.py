"""Confusion matrices of classifiers that confuse classes along a planted hierarchy."""

import numpy as np


def families(*sizes):
    """Each class's family: `families(2, 3)` is `[0, 0, 1, 1, 1]`."""
    return np.repeat(np.arange(len(sizes)), sizes)


def classifier_counts(levels, rates, rng, noise=0.5, pixels=3000):
    """Draws predictions of a classifier whose confusions are log-normal about a rate per level.

    Args:
        levels: Each class's cluster at each level above the classes, the finest first.
        rates: The rate at which two classes are confused whose first common cluster is of each
            level, and, last, of two classes that have none in common.
        rng: NumPy generator.
        noise: Standard deviation of the rates' logarithms.
        pixels: Least number of a class's pixels; the largest classes have ten times as many.

    Returns:
        Counts of labels by predictions, `(L, L)`; at most 60 % of a class's pixels are wrong.
    """
    num_classes = len(levels[0])
    expected = np.full((num_classes, num_classes), rates[-1], float)
    for level, rate in reversed(list(zip(levels, rates))):
        expected[level[:, None] == level[None, :]] = rate
    expected *= rng.lognormal(0, noise, expected.shape)
    return _draw(expected, rng, pixels)


def prototype_counts(assignment, rng, spread=3.0, noise=1.5, dims=16, pixels=2000):
    """Classifies noisy points by the nearest class, where a family's classes lie around its center.

    Args:
        assignment: Each class's family.
        rng: NumPy generator.
        spread: Standard deviation of the families' centers, where that of the classes about them is 1.
        noise: Standard deviation of the points about their class.
        dims: Number of dimensions.
        pixels: Number of points per class.

    Returns:
        Counts of labels by predictions, `(L, L)`.
    """
    centers = rng.normal(0, spread, (assignment.max() + 1, dims))[assignment]
    classes = centers + rng.normal(0, 1, centers.shape)
    counts = np.zeros((len(classes), len(classes)), "int64")
    for label, position in enumerate(classes):
        points = position + rng.normal(0, noise, (pixels, dims))
        # The squared distance, without the part that all classes share.
        nearest = np.argmin((classes**2).sum(axis=1) - 2 * points @ classes.T, axis=1)
        counts[label] = np.bincount(nearest, minlength=len(classes))
    return counts


def unstructured_counts(num_classes, rng, noise=0.5, uneven=0.0, pixels=3000):
    """Counts of a classifier without families, which mistakes a fifth of the pixels.

    Args:
        num_classes: `L`.
        rng, noise, pixels: As in `classifier_counts`.
        uneven: Standard deviation of the logarithms of how often a class is mistaken, and taken for others.
    """
    missed, taken = rng.lognormal(0, uneven, (2, num_classes))
    expected = 0.2 / num_classes * missed[:, None] * taken[None, :]
    return _draw(expected * rng.lognormal(0, noise, expected.shape), rng, pixels)


def _draw(expected, rng, pixels, most_wrong=0.6):
    shares = expected * (1 - np.eye(len(expected)))
    shares /= np.maximum(1, shares.sum(axis=1, keepdims=True) / most_wrong)
    shares += np.diag(1 - shares.sum(axis=1))
    totals = np.round(pixels * 10 ** rng.uniform(0, 1, len(shares))).astype(int)
    return np.stack([rng.multinomial(total, row) for total, row in zip(totals, shares)])
