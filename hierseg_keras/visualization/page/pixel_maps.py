"""What a page shows of each pixel: the best path with its probabilities, and the leaves that come next."""

import dataclasses

import numpy as np
from keras import ops

from hierseg_keras.decoding.confident_labels import coherent_probabilities
from hierseg_keras.tree.ops import sum_over_path

NUM_NEXT = 3
_ONE = 255


@dataclasses.dataclass(frozen=True)
class PixelMaps:
    """The prediction of an image's pixels. Probabilities are in 8 bits, 255 for 1.

    Attributes:
        leaf: Integer array `(h, w)`, the leaf of the best path, as the metrics decode it.
        path: Uint8 array `(D, h, w)`, the probability of the path's node at each depth, from depth 1. A node is at
            most as probable as the nodes above it. A leaf above depth `D` also stands at all greater depths.
        next_leaves: Integer array `(n, h, w)`, the leaves of the next best paths: three, or fewer in a small tree.
        next_probabilities: Uint8 array `(n, h, w)`, their probabilities, limited in the same way.
    """

    leaf: np.ndarray
    path: np.ndarray
    next_leaves: np.ndarray
    next_probabilities: np.ndarray


def pixel_maps(scores, y_pred, leaf):
    """Computes the `PixelMaps` of an image.

    Args:
        scores: `tree.scores.Scores` that describes `y_pred`.
        y_pred: Float array `(h, w, C)`.
        leaf: Integer array `(h, w)`, the decoded leaves.
    """
    tree = scores.tree
    probabilities = coherent_probabilities(tree, y_pred, scores.kind, scores.from_logits)
    rank = sum_over_path(tree, scores.probabilities(y_pred)) if scores.kind == "nodes" else y_pred
    of_node = _bytes_of(ops.convert_to_numpy(probabilities))
    following = _following(np.array(ops.convert_to_numpy(rank)), leaf)
    return PixelMaps(leaf, _picked(of_node, tree.depth_table[:, leaf]), following, _picked(of_node, following))


def _bytes_of(probabilities):
    return np.round(_ONE * np.nan_to_num(probabilities).clip(0, 1)).astype(np.uint8)


def _following(rank, leaf):
    """Returns the leaves of the highest ranks after `leaf`, `(n, h, w)`. It changes `rank`, an array `(h, w, L)`."""
    found = [leaf]
    for _ in range(min(NUM_NEXT, rank.shape[-1] - 1)):
        np.put_along_axis(rank, found[-1][..., None], -np.inf, axis=-1)
        found.append(rank.argmax(-1))
    return np.array(found[1:], int).reshape(-1, *leaf.shape)


def _picked(values, indices):
    """Returns the values `(n, h, w)` at indices `(n, h, w)` of the last axis of `values`."""
    return np.take_along_axis(values[None], indices[..., None], -1)[..., 0]
