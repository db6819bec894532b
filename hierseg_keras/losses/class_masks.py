"""The masks of the classes in a label map, at the resolution of predicted masks."""

import dataclasses

import numpy as np
from keras import ops

from hierseg_keras.tree.labels import OUTSIDE
from hierseg_keras.tree.tensor import Tensor


@dataclasses.dataclass(frozen=True)
class ClassMasks:
    """Counts the image's pixels that are inside and outside of the mask of each leaf, in each cell of a coarser grid.

    A pixel whose label is the leaf is inside. A pixel whose label is neither the leaf nor an ancestor of it is outside.
    All other pixels, such as those without a label, are unknown.

    Attributes:
        inside, outside: Float32 tensors, `(B, P, L)`, numbers of pixels in each of the `P` cells.
        is_present: Bool tensor, `(B, L)`, whether a pixel is labeled with the leaf.
        is_complete: Bool tensor, `(B,)`, whether pixels are labeled, and all of them with leaves. Otherwise the image
            may have leaves that are not present.
        is_invalid: Scalar bool tensor, whether a label is neither a node nor `ignore_class`.
    """

    inside: Tensor
    outside: Tensor
    is_present: Tensor
    is_complete: Tensor
    is_invalid: Tensor


def class_masks(tree, codes, size):
    """Counts the pixels of each leaf's mask.

    A pixel belongs to the cell at the same place of the image, so that the counts are those of masks that are enlarged
    to the image by nearest neighbor.

    Args:
        tree: `ClassTree`.
        codes: Int32 labels, `(B, H, W)`, as `label_codes` returns them.
        size: Pair `(h, w)`, the numbers of rows and columns of cells.

    Returns:
        `ClassMasks` with `P = h * w`.
    """
    counts = _counts(tree, codes, size)
    total = ops.sum(counts, axis=-1, keepdims=True)
    inside = counts[..., : tree.num_leaves]
    # Pixels that may belong to the leaf.
    possible = ops.matmul(counts, np.asarray(tree.ancestor_matrix[:, : tree.num_leaves], "float32"))
    num_labeled = ops.sum(total, axis=(1, 2))
    num_of_leaves = ops.sum(inside, axis=(1, 2))
    return ClassMasks(
        inside=inside,
        outside=total - possible,
        is_present=ops.sum(inside, axis=1) > 0,
        is_complete=ops.logical_and(num_labeled > 0, num_of_leaves >= num_labeled),
        is_invalid=ops.any(codes == OUTSIDE),
    )


def _counts(tree, codes, size):
    """Returns the number of pixels of each node in each cell, `(B, P, V)` float32."""
    batch, height, width = (ops.shape(codes)[axis] for axis in range(3))
    rows, columns = _nearest(height, size[0]), _nearest(width, size[1])
    cells = rows[:, None] * size[1] + columns[None, :]
    num_cells = size[0] * size[1]
    places = ops.arange(batch)[:, None, None] * num_cells + cells[None]
    places = places * tree.num_nodes + ops.maximum(codes, 0)
    is_node = ops.cast(codes >= 0, "float32")
    counts = ops.segment_sum(
        ops.reshape(is_node, (-1,)), ops.reshape(places, (-1,)), batch * num_cells * tree.num_nodes
    )
    return ops.reshape(counts, (batch, num_cells, tree.num_nodes))


def _nearest(length, num_cells):
    """Returns the cell that the center of each pixel lies in, `(length,)` int32."""
    return (2 * ops.arange(length, dtype="int32") + 1) * num_cells // (2 * length)
