"""Shortens long lists in errors."""


def capped(texts, most):
    """Returns the first texts of a list, followed by `... and N more` if there are more.

    Args:
        texts: List of strings.
        most: Integer, largest number of texts to keep.
    """
    return texts[:most] + ([f"... and {len(texts) - most} more"] if len(texts) > most else [])


def counted(values, counts, name=str, most=20):
    """Returns a list of values with their numbers of pixels, the most frequent first: `7 (12 pixels), 9 (1 pixel)`.

    Args:
        values, counts: 1D arrays of equal length.
        name: Function from a value to its text. Defaults to `str`.
        most: Integer, largest number of values to list. Defaults to 20.
    """
    pairs = sorted(zip(values.tolist(), counts.tolist()), key=lambda pair: -pair[1])
    listed = [f"{name(value)} ({count} pixel{'s' * (count != 1)})" for value, count in pairs]
    return ", ".join(capped(listed, most))
