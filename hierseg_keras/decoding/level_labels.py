"""Converts a map of leaves to one map of classes per level."""

from keras import ops
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.tree.not_converted import not_converted
from hierseg_keras.tree.tensor import Tensor


@not_converted
def level_labels(tree: ClassTree | str, leaf: ArrayLike) -> list[Tensor]:
    """Looks up the class of every pixel at every level.

    Args:
        tree: `ClassTree`, or its text.
        leaf: Integer leaf indices of any shape, such as `best_path` returns.

    Returns:
        List of `D` int32 tensors of node indices, each of the shape of `leaf`, from level 1 (the
        finest) to level `D`. In each pixel, the classes of all levels lie on one path.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> [level.tolist() for level in map(np.asarray, hs.decoding.level_labels(tree, [1, 2]))]
    [[1, 2], [3, 2]]
    """
    tree = as_class_tree(tree)
    leaf = ops.cast(leaf, "int32")
    return [ops.take(classes, leaf, axis=0) for classes in tree.level_table[:, : tree.num_leaves]]
