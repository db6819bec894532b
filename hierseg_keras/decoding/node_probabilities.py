"""Decoding of scores into one probability per node."""

from keras import ops
from numpy.typing import ArrayLike

from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.not_converted import not_converted
from hierseg_keras.tree.scores import infer_scores
from hierseg_keras.tree.tensor import Tensor


@not_converted
def node_probabilities(
    tree: ClassTree | str, y_pred: ArrayLike, scores: str | None = None, from_logits: bool | None = None
) -> Tensor:
    """Computes the probability of every node of a tree.

    With leaf scores, the probability of an internal node is the sum over its leaves.

    Args:
        tree: `ClassTree`, or its text.
        y_pred: Float node scores `(..., V)` or leaf scores `(..., L)`.
        scores, from_logits: As in `best_path`.

    Returns:
        Float tensor, `(..., V)`, in [0, 1].

    Raises:
        ValueError: Under the conditions of `best_path`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> np.asarray(hs.decoding.node_probabilities(tree, np.log([0.3, 0.2, 0.5]))).round(3).tolist()
    [0.3, 0.2, 0.5, 0.5]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    return infer_scores(tree, y_pred.shape, scores, from_logits).node_probabilities(y_pred)
