"""The encoding of maps in the files of a page: planes of bytes, compressed, as text."""

import base64
import zlib

import numpy as np

_BYTE = 256
_COMPRESSION = 9


def encoded(planes):
    """Encodes planes of bytes as text: deflated, in base64.

    Args:
        planes: List of uint8 arrays `(h, w)`.

    Returns:
        ASCII string.
    """
    return base64.b64encode(zlib.compress(np.stack(planes).tobytes(), _COMPRESSION)).decode("ascii")


def node_planes(nodes, tree):
    """Returns the planes of node indices `(h, w)`: one, or two, the lower byte first, if a byte is too small.

    The number after the last node stands for none.
    """
    return [(nodes // _BYTE**i % _BYTE).astype(np.uint8) for i in range(node_bytes(tree))]


def node_bytes(tree):
    """Returns the number of bytes of a node index."""
    return 1 if tree.num_nodes < _BYTE else 2


def truth_planes(labels, tree):
    """Returns the planes of node labels `(h, w)`; negative ones are pixels without a label."""
    return node_planes(np.where(labels < 0, tree.num_nodes, labels), tree)


def prediction_planes(maps, tree):
    """Returns the planes of `PixelMaps`: leaf, probabilities along the path, and the next leaves and probabilities.

    A probability of the path below depth 1 is stored as what it is less than the one above it, which is mostly little.
    """
    planes = node_planes(maps.leaf, tree)
    planes += map(_steps, [maps.path[0], *(maps.path[:-1] - maps.path[1:])])
    for leaf, probability in zip(maps.next_leaves, maps.next_probabilities):
        planes += [*node_planes(leaf, tree), _steps(probability)]
    return planes


def _steps(plane):
    """Replaces each byte by its difference to the byte on its left, modulo 256, which compresses better."""
    return np.diff(plane, axis=1, prepend=np.uint8(0))
