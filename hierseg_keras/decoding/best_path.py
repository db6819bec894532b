"""Decoding of scores into the best root-to-leaf path (HSSN, eq. 3)."""

from keras import ops
from numpy.typing import ArrayLike

from hierseg_keras.decoding.node_paths import best_node_path
from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.tree.not_converted import not_converted
from hierseg_keras.tree.ops import argmax, leaf_counts, sum_over_ancestors
from hierseg_keras.tree.scores import infer_scores
from hierseg_keras.tree.tensor import Tensor


@not_converted
def best_path(
    tree: ClassTree | str, y_pred: ArrayLike, scores: str | None = None, from_logits: bool | None = None
) -> tuple[Tensor, Tensor]:
    """Finds the root-to-leaf path with the largest sum of probabilities in each pixel.

    Formula, with `s` the nodes' probabilities and `P(k)` the path of leaf `k`:

        leaf  = argmax_k sum_{v in P(k)} s_v
        score = max_k    sum_{v in P(k)} s_v

    For node logits `s = sigmoid(y_pred)`. Of leaves with the same parent, the one with the largest logit
    wins, also where both probabilities round to 1. Every path sums `D` probabilities: a leaf above depth
    `D` counts once for each depth at which it stands for itself, so that short branches have no
    disadvantage. For leaf logits the leaf is the arg-max of the softmax, which is the papers' flat
    baseline. Its score sums the probabilities of the nodes on its path, where an internal node's
    probability is the sum over its leaves.

    Args:
        tree: `ClassTree`, or its text.
        y_pred: Float node scores `(..., V)` or leaf scores `(..., L)`.
        scores: `"nodes"` or `"leaves"`. Defaults to the kind inferred from the number of channels.
            Required for a tree without internal nodes, where L = V.
        from_logits: Whether `y_pred` holds logits, or probabilities after a sigmoid or softmax.
            Defaults to logits, and then arrays that visibly hold probabilities raise an error.

    Returns:
        Pair `(leaf, score)`: int32 leaf indices, `(...)`, and float scores, `(...)`, between 0 and `D`.

    Raises:
        ValueError: If the last axis of `y_pred` has neither `V` nor `L` channels, or not those of
            `scores`; if both are possible and `scores` is `None`; if `y_pred` visibly holds
            probabilities and `from_logits` is `None`; or if `from_logits=False` and values lie
            outside [0, 1].

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> probabilities = np.array([0.6, 0.1, 0.7, 0.9])     # person, rider, sky, human
    >>> leaf, score = hs.decoding.best_path(tree, np.log(probabilities / (1 - probabilities)))
    >>> int(leaf), float(score)                            # 0.9 + 0.6 against sky's 0.7 + 0.7
    (0, 1.5)

    Reference:
        [Li et al., CVPR 2022](https://arxiv.org/abs/2203.14335), eq. 3.
    """
    tree, y_pred = as_class_tree(tree), ops.convert_to_tensor(y_pred)
    scores = infer_scores(tree, y_pred.shape, scores, from_logits)
    if scores.kind == "nodes":
        return best_node_path(scores, y_pred)
    # Checks the scores, before they are compared.
    probabilities = scores.probabilities(y_pred)
    # Taken from the scores as they were passed, because different logits may round to the same probability near 1.
    leaf = argmax(y_pred)
    times = ops.cast(ops.take(leaf_counts(tree), leaf, axis=0), probabilities.dtype)
    return leaf, sum_over_ancestors(tree, probabilities, leaf) + times * ops.max(probabilities, axis=-1)


def best_leaf(scores, y_pred):
    """Finds only the leaf of `best_path`.

    Args:
        scores: `Scores` that describes `y_pred`.
        y_pred: Float scores, `(..., C)`.

    Returns:
        Int32 leaf indices, `(...)`.
    """
    # The arg-max of leaf scores is the same for logits and probabilities.
    return best_node_path(scores, y_pred)[0] if scores.kind == "nodes" else argmax(y_pred)
