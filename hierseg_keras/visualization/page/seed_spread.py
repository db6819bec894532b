"""Compares runs, and says which differences are within the spread of seeds."""

import itertools

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95


def groups_of(configurations):
    """Groups runs that differ only in their seed.

    Args:
        configurations: List with the `configuration` of each run; `None` is unlike any other.

    Returns:
        List of lists of the runs' positions, in the order of their first runs.
    """
    groups = {}
    for place, configuration in enumerate(configurations):
        groups.setdefault(("alone", place) if configuration is None else configuration, []).append(place)
    return list(groups.values())


def comparisons(values, groups):
    """Compares all pairs of groups of runs.

    The difference of two groups is that of their means. Half the width of its 95 % interval is computed from the
    pooled variance of the two groups over their seeds, by Student's t distribution:

        half = t * s * sqrt(1 / n_a + 1 / n_b),    s^2 = sum of squared deviations / (n_a + n_b - 2)

    Args:
        values: Float array `(R, N)`, `N` values of each run. They may be NaN.
        groups: As returned by `groups_of`.

    Returns:
        List of dicts, one per pair, with the positions `first` and `second` of the groups; the list `difference`,
        second minus first; and the list `half`, or `None` if neither group has two runs.
    """
    pairs = itertools.combinations(range(len(groups)), 2)
    return [_comparison(values, first, second, groups) for first, second in pairs]


def _comparison(values, first, second, groups):
    parts = [np.asarray(values, float)[groups[place]] for place in (first, second)]
    means = [part.mean(0) for part in parts]
    half, freedom = None, sum(map(len, parts)) - 2
    if freedom:
        squares = sum(((part - mean) ** 2).sum(0) for part, mean in zip(parts, means))
        quantile = stdtrit(freedom, 0.5 + CONFIDENCE / 2)
        half = (quantile * np.sqrt(squares / freedom * sum(1 / len(part) for part in parts))).tolist()
    return {"first": first, "second": second, "difference": (means[1] - means[0]).tolist(), "half": half}
