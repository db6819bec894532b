"""The mean of paired differences, and how far it is certain."""

import statistics

from scipy import stats

CONFIDENCE = 0.95


def mean_and_half_width(differences):
    """Returns the mean of differences and half the width of its 95 % interval, of Student's t distribution.

    Args:
        differences: At least two floats, one per pair.
    """
    count = len(differences)
    half = stats.t.ppf(0.5 + CONFIDENCE / 2, count - 1) * statistics.stdev(differences) / count**0.5
    return statistics.mean(differences), half
