"""From scores to the best root-to-leaf path (HSSN, eq. 3)."""

from keras import ops

from hierseg_keras.tree import as_class_tree
from hierseg_keras.tree.ops import argmax, is_above, sum_over_leaves, sum_over_path
from hierseg_keras.tree.scores import infer_scores


def best_path(tree, y_pred, scores=None, from_logits=None):
    """Finds each pixel's root-to-leaf path with the largest sum of probabilities.

    Formula, with `s` the nodes' probabilities and `P(k)` the path of leaf `k`:

        leaf  = argmax_k sum_{v in P(k)} s_v
        score = max_k    sum_{v in P(k)} s_v

    For node logits `s = sigmoid(y_pred)`. Every path sums `D` probabilities: a leaf above depth
    `D` counts once for every depth that it stands for, so that short branches are not at a
    disadvantage. For leaf logits the leaf is the arg-max of the softmax, the papers' flat
    baseline, and the score sums the probabilities of its path, each the sum over its leaves.

    Args:
        tree: `ClassTree`, or its text.
        y_pred: Float node scores `(..., V)` or leaf scores `(..., L)`.
        scores: `"nodes"` or `"leaves"`. Inferred from the channel count by default; needed for a
            tree without internal nodes, where L = V.
        from_logits: Whether `y_pred` holds logits, or probabilities after a sigmoid or softmax.
            Defaults to logits; arrays whose values can only be probabilities are refused then.

    Returns:
        A pair `(leaf, score)`: int32 leaf indices `(...)`, and float scores `(...)` between 0
        and `D`.

    Raises:
        ValueError: If the last axis is neither `V` nor `L` long, or not as `scores` says, or `y_pred` holds
            probabilities and `from_logits` is not given.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> probabilities = np.array([0.6, 0.1, 0.7, 0.9])     # person, rider, sky, human
    >>> leaf, score = hs.decoding.best_path(tree, np.log(probabilities / (1 - probabilities)))
    >>> int(leaf), float(score)                            # 0.9 + 0.6 against sky's 0.7 + 0.7
    (0, 1.5)

    Reference:
        [Li et al., CVPR 2022](https://arxiv.org/abs/2203.14335), eq. 3.
    """
    tree = as_class_tree(tree)
    scores = infer_scores(tree, y_pred.shape, scores, from_logits)
    probabilities = scores.probabilities(y_pred)
    if scores.kind == "nodes":
        sums = sum_over_path(tree, probabilities)
        return argmax(sums), ops.max(sums, axis=-1)
    # Of the scores as they came: probabilities near 1 round to the same number.
    leaf = argmax(y_pred)
    on_path = ops.cast(ops.take(is_above(tree).T, leaf, axis=0), probabilities.dtype)
    internal = ops.sum(sum_over_leaves(tree, probabilities) * on_path, axis=-1)
    times = tree.num_levels - ops.sum(on_path, axis=-1)
    return leaf, internal + times * ops.max(probabilities, axis=-1)


def best_leaf(scores, y_pred):
    """The leaf of `best_path` alone, `(...)` int32, of `Scores`; logits or probabilities are one for leaf scores."""
    if scores.kind == "nodes":
        y_pred = sum_over_path(scores.tree, scores.probabilities(y_pred))
    return argmax(y_pred)
