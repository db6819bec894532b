"""Breaks a list of rows into columns."""

import numpy as np

# In inches.
_STEP = 0.05


def lowest_columns(heights, families, fits):
    """Breaks rows into the lowest columns that fit. Families are kept together where possible.

    Args:
        heights: List of the rows' heights in inches.
        families: List of the family of each row. Rows of one family follow each other.
        fits: Function from a list of columns to a boolean.

    Returns:
        List of `range`s of rows, one per column: a single one if nothing fits.
    """
    for tallest in np.arange(max(heights), sum(heights), _STEP):
        columns = _filled(heights, families, tallest + _STEP / 2)
        if fits(columns):
            return columns
    return [range(len(heights))]


def _filled(heights, families, tallest):
    """Fills columns in order. A column ends before the family that exceeds it, unless this is its only one."""
    columns, start = [], 0
    while start < len(heights):
        end = start + int(np.searchsorted(np.cumsum(heights[start:]), tallest, side="right"))
        if end < len(heights):
            breaks = [row for row in range(start + 1, end + 1) if families[row] != families[row - 1]]
            end = breaks[-1] if breaks else end
        columns.append(range(start, end))
        start = end
    return columns
