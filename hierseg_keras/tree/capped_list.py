"""Long lists in errors, cut short."""


def capped(texts, most):
    """Returns the first texts of a list, and a last one that tells how many more there are.

    Args:
        texts: List of strings.
        most: Number of texts to keep.
    """
    return texts[:most] + ([f"... and {len(texts) - most} more"] if len(texts) > most else [])


def counted(values, counts, name=str, most=20):
    """Lists values with the number of pixels of each, the most frequent first: `7 (12 pixels), 9 (1 pixel)`.

    Args:
        values, counts: 1D arrays.
        name: Function from a value to its text.
        most: Number of values that are listed.
    """
    pairs = sorted(zip(values.tolist(), counts.tolist()), key=lambda pair: -pair[1])
    listed = [f"{name(value)} ({count} pixel{'s' * (count != 1)})" for value, count in pairs]
    return ", ".join(capped(listed, most))
