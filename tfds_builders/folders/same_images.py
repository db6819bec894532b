"""Finds images that are in two folders, whatever their names are."""

import collections
import hashlib


def same_images(pairs, others):
    """Finds the images of one list whose files have the same bytes as one of another list.

    Only files of equal length are read.

    Args:
        pairs, others: Lists of `NamedPair`.

    Returns:
        List of pairs of paths, the image in `pairs` and the one in `others`.
    """
    lengths = collections.defaultdict(list)
    for pair in pairs:
        lengths[_length(pair.image)].append(pair.image)
    found, known = [], {}
    for other in (pair.image for pair in others):
        length = _length(other)
        if length not in lengths:
            continue
        if length not in known:
            known[length] = {_digest(image): image for image in lengths[length]}
        image = known[length].get(_digest(other))
        if image is not None:
            found.append((image, other))
    return found


def _length(path):
    return path.stat().length


def _digest(path):
    return hashlib.sha256(path.read_bytes()).digest()
